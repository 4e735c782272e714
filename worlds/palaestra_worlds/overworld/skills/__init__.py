"""Skills to be learned: mine, approach and explore as short tasks of their own, with the goal in the observation."""
