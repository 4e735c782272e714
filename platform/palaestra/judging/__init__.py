"""Tasks without a reward: judges compare agents by two clips at a time, and a ranking comes of it."""
