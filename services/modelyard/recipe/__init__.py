"""How a network is fitted: the `training` field of a request, every part a textbook word.

    optimizer.keras(steps)     steps are the batches of an epoch
    loss.keras(head)

make what they name; TensorFlow is imported inside them because the jobs API and the worker's supervisor
read requests without it.
"""

from modelyard.recipe.losses import (
    CrossEntropy,
    Focal,
    Hinge,
    Huber,
    Loss,
    Pinball,
    Poisson,
    Regression,
)
from modelyard.recipe.optimizers import (
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    Lion,
    Optimizer,
    RMSprop,
)
from modelyard.recipe.schedules import (
    Constant,
    Cosine,
    Exponential,
    OnPlateau,
    Polynomial,
    Schedule,
    Step,
)
from modelyard.recipe.split import Split
from modelyard.recipe.training import ClassWeights, EarlyStopping, Training

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "Adamax",
    "ClassWeights",
    "Constant",
    "Cosine",
    "CrossEntropy",
    "EarlyStopping",
    "Exponential",
    "Focal",
    "Hinge",
    "Huber",
    "Lion",
    "Loss",
    "OnPlateau",
    "Optimizer",
    "Pinball",
    "Poisson",
    "Polynomial",
    "RMSprop",
    "Regression",
    "Schedule",
    "Split",
    "Step",
    "Training",
]
