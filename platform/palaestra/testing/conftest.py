"""Each contract is checked of everything of its kind that is installed, or of what was chosen."""

from __future__ import annotations

import pytest

from palaestra.testing.plugin import SUBJECTS, cases_of


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for kind in SUBJECTS.values():
        name = f"{kind}_case"
        if name in metafunc.fixturenames:
            cases = cases_of(kind, metafunc.config)
            metafunc.parametrize(name, cases, ids=[case.id for case in cases], scope="module")
