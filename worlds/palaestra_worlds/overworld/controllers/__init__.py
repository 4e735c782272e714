"""Structured actions carried out by primitive ones, with only what a player can perceive; one file each."""
