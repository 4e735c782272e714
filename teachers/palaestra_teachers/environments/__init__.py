"""A teacher that writes training environments (EnvGen, arXiv 2403.12014), and what it is compared with."""
