"""Puts `configs/`, which lies at the top of the repository, into the wheel as `palaestra/configs`.

All else about the build stands in pyproject.toml. An editable install uses the files where they are.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConfigs(build_py):
    """setuptools' build of the packages, with the YAML files of `configs/` beside them."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for source in sorted(Path("configs").rglob("*.yaml")):
            target = Path(self.build_lib, "palaestra", source)
            self.mkpath(str(target.parent))
            self.copy_file(str(source), str(target), preserve_mode=False)


setup(cmdclass={"build_py": BuildWithConfigs})
