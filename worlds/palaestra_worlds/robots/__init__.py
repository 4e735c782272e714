"""Robots in MuJoCo. The simulator is loaded when the first world is made."""
