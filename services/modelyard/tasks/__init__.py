"""The family of tasks: what is learned and asked.

A task is a frozen value of the request that can do the following. Its `task.py` and `servicer.py` know
nothing of TensorFlow; `keras.py` is imported inside `learn`, on the trainer's side only.

    features(schema)  -> Features   what the network receives; sizes that are not known yet are None
    head(schema)      -> Head       what the network must answer
    check(examples)                 raises BadData naming file and row
    learn(examples, split, seed) -> Learning

`features` and `head` raise InvalidRequest where the task names a column that the dataset does not have.
"""

from typing import Annotated

from pydantic import Field

from modelyard.tasks.forecasting.task import Forecasting
from modelyard.tasks.image_classification.task import ImageClassification
from modelyard.tasks.learning import Evaluation, Learning, Part
from modelyard.tasks.tabular.task import TabularClassification, TabularRegression
from modelyard.tasks.text_classification.task import TextClassification

Task = Annotated[
    ImageClassification
    | TextClassification
    | Forecasting
    | TabularClassification
    | TabularRegression,
    Field(discriminator="type"),
]

__all__ = [
    "Evaluation",
    "Forecasting",
    "ImageClassification",
    "Learning",
    "Part",
    "TabularClassification",
    "TabularRegression",
    "Task",
    "TextClassification",
]
