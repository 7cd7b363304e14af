"""What a request comes to, told without queueing it: sizes, layers, classes, and what may disappoint."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from modelyard.dataset_store import DatasetStore
from modelyard.datasets.source import locate
from modelyard.job import JobRequest, Plan
from modelyard.jobs import advice
from modelyard.jobs.advice import Warning
from modelyard.networks import Graph, Layers, network

if TYPE_CHECKING:
    from modelyard.examples import Examples, Schema  # NumPy, which a report alone needs

READ_WHOLE = 8 * 1024 * 1024
"""Bytes up to which the rows of a dataset are read and checked; those of a larger one are left to the trainer."""


class LayerReport(BaseModel):
    type: str
    output_shape: tuple[int | None, ...]
    """Of one example."""
    parameters: int | None


class Report(BaseModel):
    """Null is what only the data can tell, and the trainer will."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    valid: Literal[True] = True
    rows: int | None
    parameters: int | None
    """The number of weights."""
    features: dict[str, Any]
    """What the network receives for one example: kind, shape, vocabulary."""
    head: dict[str, Any]
    """What it answers: units, activation."""
    classes: list[str] | None
    layers: list[LayerReport]
    warnings: list[Warning]
    """What is allowed and may disappoint."""


def check(request: JobRequest, datasets: DatasetStore) -> "tuple[Plan, Schema]":
    """Raises InvalidRequest with the path of every field that cannot be right."""
    schema = request.dataset.schema(datasets)
    plan = request.check(schema)
    if plan.rows is not None and plan.features.kind != "series":
        from modelyard.tasks import splitting  # NumPy, which a request without rows does not need

        splitting.sizes(request.training.validation, plan.rows)
    return plan, schema


def report(request: JobRequest, datasets: DatasetStore) -> Report:
    """Reads and checks the rows of a small dataset. Raises InvalidRequest, and BadData naming file and line."""
    plan, schema = check(request, datasets)
    examples = _small(request, datasets)
    if examples is not None:
        request.task.check(examples)
    return Report(
        rows=plan.rows,
        parameters=plan.parameters,
        features=vars(plan.features),
        head={name: value for name, value in vars(plan.head).items() if value != ()},
        classes=_classes(request, schema),
        layers=_layers(request, plan),
        warnings=advice.warnings(request, plan, _balance(request, examples)),
    )


def _small(request: JobRequest, datasets: DatasetStore) -> "Examples | None":
    if locate(request.dataset.source, datasets).stat().st_size > READ_WHOLE:
        return None
    return request.dataset.open(datasets)


def _layers(request: JobRequest, plan: Plan) -> list[LayerReport]:
    if isinstance(request.network, Graph):
        return [
            LayerReport(type=kind, output_shape=shape, parameters=count)
            for kind, shape, count in request.network.outline(plan.features)
        ]
    layers = request.network.expand(plan.features, plan.head)
    listed = isinstance(request.network, Layers)
    shapes = network.shapes(layers, plan.features, listed=listed)
    found = [
        LayerReport(type=layer.type, output_shape=after, parameters=layer.parameters(before))
        for layer, before, after in zip(layers, shapes, shapes[1:], strict=False)
    ]
    if (
        plan.head.units is None and not listed
    ):  # the preset stood one unit in for a number not known
        found[-1] = found[-1].model_copy(update={"output_shape": (None,), "parameters": None})
    return found


def _label(request: JobRequest) -> str | None:
    """The column that holds the classes, of a task that has some."""
    task = request.task
    match task.type:
        case "image_classification" | "text_classification":
            return task.label
        case "tabular_classification":
            return task.target
        case _:
            return None


def _classes(request: JobRequest, schema: "Schema") -> list[str] | None:
    label = _label(request)
    found = None if label is None else schema.columns[label].classes
    return None if found is None else list(found)


def _balance(request: JobRequest, examples: "Examples | None") -> dict[str, int]:
    """How many rows each class has; empty if that is not known."""
    label = _label(request)
    if examples is None or label is None:
        return {}
    import numpy as np  # requests are read without it

    from modelyard.examples import labels

    names, counts = np.unique(labels(examples.columns[label]).astype(str), return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))
