"""Writes the beginning of a plug-in: a small package that works as it is."""

from palaestra.scaffold.package import KINDS, Package, ScaffoldError

__all__ = ["KINDS", "Package", "ScaffoldError"]
