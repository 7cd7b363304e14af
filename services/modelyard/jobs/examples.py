"""The examples of the API page: each works as it stands, on the datasets that are built in."""

from typing import Any

_DIGITS: dict[str, Any] = {
    "name": "digits",
    "task": {"type": "image_classification"},
    "dataset": {"type": "npz", "source": "builtin://digits"},
    "network": {"type": "cnn", "filters": [16, 32], "units": [64]},
    "training": {"epochs": 12, "batch_size": 32, "optimizer": {"type": "adam"}},
    "publish": {"model": "digits", "aliases": ["stable"]},
}
_AIRLINE: dict[str, Any] = {
    "name": "airline",
    "task": {"type": "forecasting", "target": "passengers", "time": "month", "horizon": 12},
    "dataset": {"type": "csv", "source": "builtin://airline"},
    "network": {"type": "rnn", "cell": "lstm", "units": [32]},
    "training": {"epochs": 40, "early_stopping": {"patience": 8}},
    "publish": {"model": "airline"},
}
REQUESTS: dict[str, Any] = {
    "digits": {"summary": "Handwritten digits: a small CNN", "value": _DIGITS},
    "airline": {"summary": "Airline passengers: a forecast", "value": _AIRLINE},
}
_LONGER: dict[str, Any] = {"training": {"epochs": 30, "early_stopping": {"patience": 5}}}
_WIDER: dict[str, Any] = {"network": {"units": [256]}}
PATCHES: dict[str, Any] = {
    "longer": {"summary": "More epochs, ended early", "value": _LONGER},
    "wider": {"summary": "More units", "value": _WIDER},
}


def patch_body(media_type: str) -> dict[str, Any]:
    """The second media type under which a patch may come."""
    schema = {"type": "object", "additionalProperties": True}
    return {"content": {media_type: {"schema": schema, "examples": PATCHES}}}
