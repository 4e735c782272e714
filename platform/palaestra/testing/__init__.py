"""What plug-in authors test theirs with: the contracts as a suite for pytest, and what teachers need around them.

    python -m palaestra.testing --teacher my-teacher

checks one teacher (likewise --world ID, --agent KIND, --language-model NAME); without options, all that is installed.
It is short for `pytest -p palaestra.testing.plugin --pyargs palaestra.testing --teacher my-teacher`.
"""

try:
    import pytest  # noqa: F401
except ImportError as error:
    raise ImportError("palaestra.testing needs pytest, which is not installed: pip install pytest") from error

from palaestra.testing.around import MemoryLedger, request_for

__all__ = ["MemoryLedger", "request_for"]
