"""Crafter, batched and exact. The engine is loaded when the first world is made."""
