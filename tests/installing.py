"""Packages with plug-ins, installed for a test as pip would do it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def install(
    site: Path, package: str, entry_points: str, files: Mapping[str, str] | None = None, version: str = "1.0"
) -> None:
    """Makes a package known in a folder that is, or will be, on Python's path.

    Args:
        site: the folder.
        package: name of the distribution.
        entry_points: text of its `entry_points.txt`.
        files: texts of its modules by file name.
        version: of the distribution.
    """
    info = site / f"{package.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(entry_points)
    for name, text in (files or {}).items():
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_text(text)
