"""Sweeps: one spec with several values of its keys, each arm and seed of them an ordinary run folder."""
