"""People who play a world: in a terminal, or in a window."""
