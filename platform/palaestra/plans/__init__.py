"""Studies of plans: language models plan, controllers act, failures come back in words, games are counted."""
