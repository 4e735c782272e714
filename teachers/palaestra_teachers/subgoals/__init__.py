"""Subgoals for MiniGrid-like worlds, after Words as Beacons (arXiv 2410.08632)."""
