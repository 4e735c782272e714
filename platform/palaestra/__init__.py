"""Palaestra: does a language-model teacher make an embodied agent learn faster, and what does it cost?"""
