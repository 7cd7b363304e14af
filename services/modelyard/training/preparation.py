"""VALIDATING: from a request to a compiled network and its batches, or to an error that names what is wrong."""

from dataclasses import dataclass
from typing import Literal

import keras
import tensorflow as tf

from modelyard.dataset_store import DatasetStore
from modelyard.datasets import Dataset
from modelyard.datasets.source import locate
from modelyard.errors import BadData, InvalidRequest, Violation
from modelyard.job import JobRequest
from modelyard.recipe import EarlyStopping, OnPlateau, Training
from modelyard.runtimes import device
from modelyard.storage import sha256
from modelyard.tasks import Learning, Part
from modelyard.training import steps
from modelyard.training.attempt import Attempt
from modelyard.training.batches import Batches
from modelyard.training.channel import Channel
from modelyard.training.lifeline import StopSignal
from modelyard.training.weights import weights


@dataclass(frozen=True)
class Prepared:
    learning: Learning
    model: keras.Model
    """The network, which is judged and exported."""
    fitted: keras.Model
    """What is trained: the network, behind its augmentation if it has one."""
    train: Batches
    validation: Batches | None
    dataset: str
    """The digest of the dataset."""


def set_up(attempt: Attempt, channel: Channel) -> bool:
    """Devices, seeds and precision, before anything is computed; answers whether a GPU is used."""
    gpus = device.configure("gpu" if attempt.device == "gpu" else "cpu")
    if "gpu" in (attempt.device, attempt.request.resources.device) and not gpus:
        channel.tell("warning", message="a GPU was asked for, but there is none: using the CPU")
    training = attempt.request.training
    keras.utils.set_random_seed(training.seed)
    if training.deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(training.precision)
    return gpus > 0


def prepare(attempt: Attempt, stop: StopSignal) -> Prepared:
    """Raises BadData, InvalidRequest and Stopped."""
    request, store = attempt.request, DatasetStore(attempt.datasets)
    _check_bytes(request.dataset, store)
    request.check(request.dataset.schema(store))
    examples = request.dataset.open(store)
    stop.check()
    request.task.check(examples)
    stop.check()
    training = request.training
    learning = request.task.learn(examples, training.validation, training.seed)
    stop.check()
    train = _batches(learning, "train", training, training.batch_size)
    validation = _batches(learning, "validation", training, max(_size(training), 256))
    if train is None:
        raise BadData("no examples are left to train on", violations=(_EMPTY,))
    model = _network(request, learning)
    fitted = _compiled(_augmented(model, learning), training, learning, train)
    _check_monitor(training, steps.build(fitted, train), has_validation=validation is not None)
    return Prepared(learning, model, fitted, train, validation, request.dataset.digest(store))


_EMPTY = Violation("training.validation", "leaves no examples to train on")


def _check_bytes(dataset: Dataset, store: DatasetStore) -> None:
    """An upload is named by its digest: what the job was accepted with is what it is trained on."""
    scheme, _, digest = dataset.source.partition("://")
    if scheme == "dataset" and sha256(locate(dataset.source, store)) != digest:
        message = "changed since it was uploaded"
        raise BadData(
            f"dataset.source: {dataset.source} {message}",
            violations=(Violation("dataset.source", message, received=dataset.source),),
        )


def _size(training: Training) -> int:
    return training.batch_size if isinstance(training.batch_size, int) else 1


def _batches(
    learning: Learning, part: Part, training: Training, batch_size: int | Literal["all"]
) -> Batches | None:
    x, y = learning.arrays(part)
    if not len(x):
        return None
    return Batches.of(x, y, batch_size, training.seed, weights(training, learning, part, y))


def _network(request: JobRequest, learning: Learning) -> keras.Model:
    head = learning.head
    request.network.check(learning.features, head)
    request.training.check_loss(head)
    return request.network.build(learning.features, head)


def _augmented(model: keras.Model, learning: Learning) -> keras.Model:
    """Shares the network's weights; the random layers do nothing outside of training."""
    layers = learning.augmentation()
    if not layers:
        return model
    source = keras.Input(learning.features.shape, name=learning.features.kind)
    return keras.Sequential([source, *layers, model], name="augmented")


def _compiled(
    model: keras.Model, training: Training, learning: Learning, train: Batches
) -> keras.Model:
    head = learning.head
    model.compile(
        optimizer=training.optimizer.keras(train.steps),
        loss=training.loss_for(head).keras(head),
        metrics=learning.metrics(),
        # XLA made training slower on CPUs wherever it was measured, and starts late everywhere.
        jit_compile=False,
    )
    return model


def _check_monitor(training: Training, logged: list[str], *, has_validation: bool) -> None:
    known = [*logged, *(f"val_{name}" for name in logged if has_validation)]
    rules: dict[str, EarlyStopping | OnPlateau | None] = {
        "training.early_stopping": training.early_stopping,
        "training.optimizer.learning_rate": training.plateau,
    }
    for field, rule in rules.items():
        if rule is not None and rule.monitor not in known:
            raise _not_logged(f"{field}.monitor", known, rule.monitor)


def _not_logged(field: str, known: list[str], monitor: str) -> InvalidRequest:
    return InvalidRequest.of(
        field,
        "is not logged by this task",
        expected=" or ".join(known),
        received=monitor,
    )
