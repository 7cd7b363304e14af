"""Whether the rows of a dataset are texts with labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelyard.examples import Examples
from modelyard.tasks import classification

if TYPE_CHECKING:
    from modelyard.tasks.text_classification.task import TextClassification


def check(task: TextClassification, examples: Examples) -> None:
    """A text may be empty: it is answered like one of unknown words."""
    classification.check_labels(examples, task.label)
