"""Measurements that users can repeat: parity with the reference packages, and speed beside what they would pick instead."""
