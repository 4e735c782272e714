"""Overworld, a Minecraft-like world: so far its rules' data, technology tree, tasks and decomposition of goals."""
