"""Studies of motions: instructions become reward programs, planners carry them out, success tests measure them."""
