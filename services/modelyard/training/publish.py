"""PUBLISHING: export, verify in a fresh process, and make visible by one rename."""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as library_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modelyard import faults, logs
from modelyard.errors import Conflict
from modelyard.model_store import GOLDEN, WARMUP, Lineage, Manifest, ModelStore, Tolerance
from modelyard.runtimes import records
from modelyard.runtimes.records import Record
from modelyard.storage import write_json
from modelyard.tasks import Evaluation, Learning
from modelyard.training import samples
from modelyard.training.attempt import Attempt
from modelyard.training.channel import Channel
from modelyard.training.failures import NonFinite
from modelyard.training.lifeline import StopSignal
from modelyard.training.verifier import Verifier

if TYPE_CHECKING:
    import keras

_LIBRARIES = ("modelyard", "tensorflow", "keras", "numpy")

_TOLERANCES = {
    # The same graph in another process on the same kind of CPU differs in the last bits, by the order of
    # sums; another CPU's vector width costs a few more. float32 has 7 digits.
    "float32": Tolerance(absolute=1e-5, relative=1e-4),
    # 11 and 8 bits of mantissa, which rounding uses up in every layer.
    "mixed_float16": Tolerance(absolute=5e-3, relative=1e-2),
    "mixed_bfloat16": Tolerance(absolute=2e-2, relative=5e-2),
}
_GPU_TOLERANCE = Tolerance(absolute=1e-4, relative=1e-3)
"""Trained on a GPU, verified on the CPU: other kernels, other orders of sums."""

log = logs.get(__name__)


@dataclass(frozen=True)
class Trained:
    """What there is to publish."""

    model: "keras.Model"
    learning: Learning
    evaluation: Evaluation
    dataset: str
    """The digest of the dataset."""
    on_gpu: bool


def report_if_published(attempt: Attempt, channel: Channel) -> bool:
    """An earlier attempt may have died between the rename and the report: then only the report is left."""
    version = channel.ask("version", model=attempt.request.publish.model)["version"]
    store, model = ModelStore(attempt.models), attempt.request.publish.model
    if not store.published_by(attempt.job, model, version):
        return False
    manifest = store.manifest(model, version)
    assert manifest is not None
    channel.tell("result", metrics=manifest.metrics, baseline=manifest.baseline)
    channel.tell("published", model=model, version=version)
    return True


def publish(
    attempt: Attempt, trained: Trained, verifier: Verifier, channel: Channel, stop: StopSignal
) -> None:
    """Raises Unverified, NonFinite, Stopped, LeaseLost; until the rename nothing is visible."""
    store, model = ModelStore(attempt.models), attempt.request.publish.model
    version = channel.ask("version", model=model)["version"]
    staged = store.staging(attempt.job, attempt.fence)
    draft = _draft(attempt, trained, version)
    _stage(attempt, trained, draft, staged)
    stop.check()
    faults.point("publish.before_verify")
    signatures = verifier.verify(staged)
    stop.check()
    if not attempt.keep_golden:
        (staged / GOLDEN).unlink()
    manifest = store.seal(staged, draft.model_copy(update={"signatures": signatures}))
    channel.ask("publish")  # from here on there is no way back
    faults.point("publish.before_rename")
    _make_visible(store, staged, manifest)
    faults.point("publish.after_rename")
    channel.tell("published", model=model, version=version)


def finite(figures: Mapping[str, float]) -> dict[str, float]:
    """Without those that are not defined, such as a ratio to 0: JSON has no NaN."""
    return {name: float(value) for name, value in figures.items() if math.isfinite(value)}


def _make_visible(store: ModelStore, staged: Path, manifest: Manifest) -> None:
    try:
        store.publish(staged, manifest)
    except Conflict:
        # A frozen predecessor of this attempt, woken after it was granted, got there first.
        if not store.published_by(manifest.lineage.job, manifest.model, manifest.version):
            raise


def _stage(attempt: Attempt, trained: Trained, draft: Manifest, staged: Path) -> None:
    trained.learning.export(trained.model, staged)
    golden = list(_golden(trained))
    records.write(staged / GOLDEN, draft.model, draft.version, golden)
    inputs: Mapping[str, samples.Arrays] = {r.signature: r.inputs for r in golden}
    if not attempt.keep_golden:
        inputs = samples.synthetic(inputs)
    records.write(staged / WARMUP, draft.model, draft.version, samples.warmup(inputs))
    write_json(staged / "assets.extra/manifest.json", draft.model_dump(mode="json"))


def _golden(trained: Trained) -> list[Record]:
    """Raw test rows by signature, and what the model in memory answers them."""
    batch = trained.learning.golden(samples.GOLDEN_ROWS)
    return [_answered(trained, signature, inputs) for signature, inputs in batch.items()]


def _answered(trained: Trained, signature: str, inputs: samples.Arrays) -> Record:
    outputs = trained.learning.answer(trained.model, signature, inputs)
    for name, values in outputs.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise NonFinite(f"the trained network answers {name} that is not finite")
    return Record(signature, inputs, outputs)


def _draft(attempt: Attempt, trained: Trained, version: int) -> Manifest:
    """All but the signatures, which the fresh process reads off, and the digests."""
    request, learning = attempt.request, trained.learning
    return Manifest(
        model=request.publish.model,
        version=version,
        created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        task=request.task.model_dump(mode="json"),
        network=request.network.model_dump(mode="json"),
        parameters=trained.model.count_params(),
        classes=learning.classes,
        serving=dict(learning.serving),
        signatures={},
        tolerance={"float32": _tolerance(request.training.precision, trained.on_gpu)},
        metrics=finite(trained.evaluation.metrics),
        baseline=finite(trained.evaluation.baseline),
        statistics=dict(learning.statistics),
        lineage=Lineage(
            job=attempt.job,
            fence=attempt.fence,
            dataset=trained.dataset,
            seed=request.training.seed,
            libraries=_libraries(),
        ),
    )


def _tolerance(precision: str, on_gpu: bool) -> Tolerance:
    return _GPU_TOLERANCE if on_gpu and precision == "float32" else _TOLERANCES[precision]


def _libraries() -> dict[str, Any]:
    python = ".".join(map(str, sys.version_info[:3]))
    return {"python": python, **{name: library_version(name) for name in _LIBRARIES}}
