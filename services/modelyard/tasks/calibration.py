"""Probabilities that mean what they say: of the answers given with 0.8, eight of ten are right.

One number, the temperature, divides all logits (Guo et al., 2017): it changes no answer, only how sure it is.
"""

import numpy as np
from numpy.typing import NDArray

BINS = 15
_LOWEST, _HIGHEST = 0.05, 20.0
_LEAST_PROBABILITY = 1e-30
_SEARCHES = 60

Scores = NDArray[np.float64]
Indices = NDArray[np.int64]


def error(scores: Scores, truth: Indices) -> float:
    """The expected calibration error: how far confidence and share of right answers are apart, on average.

    `scores` (rows, classes) are probabilities; rows are put in 15 bins by their highest one.
    """
    confidence = scores.max(axis=1)
    is_right = scores.argmax(axis=1) == truth
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [abs((is_right - confidence)[bins == b].sum()) for b in range(BINS)]
    return float(sum(gaps) / len(truth))


def temperature(scores: Scores, truth: Indices) -> float:
    """The temperature at which the scores are likeliest.

    The labels are trusted as much as n examples can say (Platt, 1999), so that a few right answers alone do
    not make a network certain.
    """
    logits = np.log(np.maximum(scores, _LEAST_PROBABILITY))
    targets = _smoothed(truth, scores.shape[1])
    # The loss is convex in 1/T, so that a ternary search finds its minimum.
    low, high = 1 / _HIGHEST, 1 / _LOWEST
    for _ in range(_SEARCHES):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        if _cross_entropy(logits * first, targets) < _cross_entropy(logits * second, targets):
            high = second
        else:
            low = first
    return float(2 / (low + high))


def _smoothed(truth: Indices, classes: int) -> Scores:
    right = (len(truth) + 1) / (len(truth) + 2)
    targets = np.full((len(truth), classes), (1 - right) / max(classes - 1, 1))
    targets[np.arange(len(truth)), truth] = right
    return targets


def _cross_entropy(logits: Scores, targets: Scores) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    return float((log_sum - (shifted * targets).sum(axis=1)).mean())
