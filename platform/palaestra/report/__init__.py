"""What a run found: a page that opens anywhere, and tables over several runs."""

from palaestra.report.compare import CompareError, Comparison, compare
from palaestra.report.page import write_report

__all__ = ["CompareError", "Comparison", "compare", "write_report"]
