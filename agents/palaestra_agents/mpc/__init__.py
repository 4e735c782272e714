"""Model-predictive control: planners over control splines, and iLQG, by parallel MuJoCo rollouts."""
