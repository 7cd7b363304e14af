"""A whole file through a model: read row by row, asked in batches, written beside what was read."""

from modelyard.cli.scoring.rows import BadRow, Row, read
from modelyard.cli.scoring.run import Asked, Result, score
from modelyard.cli.scoring.table import open_table

__all__ = ["Asked", "BadRow", "Result", "Row", "open_table", "read", "score"]
