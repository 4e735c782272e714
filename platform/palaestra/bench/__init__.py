"""Measurements that users can repeat: parity with the reference packages, and speed beside its alternatives."""
