"""Planners: language models that plan what an agent does, over one interface: DEPS and Ghost in the Minecraft."""
