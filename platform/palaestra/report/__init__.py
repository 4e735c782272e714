"""What a run found: a page that opens anywhere, and tables over several runs."""

from palaestra.report.compare import CompareError, Comparison, compare
from palaestra.report.page import write_report
from palaestra.report.picture import write_picture

__all__ = ["CompareError", "Comparison", "compare", "write_picture", "write_report"]
