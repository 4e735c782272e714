"""Learners for batched worlds: PPO, intrinsic rewards, and the storage of their rollouts."""
