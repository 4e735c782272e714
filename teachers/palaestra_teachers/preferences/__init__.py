"""Reward learned from comparisons of episodes (arXiv 1706.03741)."""
