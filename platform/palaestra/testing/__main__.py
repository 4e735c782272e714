"""`python -m palaestra.testing --teacher my-teacher`: pytest on the contracts, with any of its own options too."""

from __future__ import annotations

import sys

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(["-p", "palaestra.testing.plugin", "--pyargs", "palaestra.testing", *sys.argv[1:]]))
