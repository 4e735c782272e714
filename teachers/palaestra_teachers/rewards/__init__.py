"""Rewards for motions, written by a language model (Language to Rewards, arXiv 2306.08647)."""
