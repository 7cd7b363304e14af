"""Loading, quarantine and readiness, with a runtime without TensorFlow and a real model directory."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelyard.errors import FailedPrecondition, InvalidRequest, NotFound, Unavailable
from modelyard.inference.batcher import Limits
from modelyard.inference.metrics import InferenceMetrics
from modelyard.inference.model_manager import ModelManager
from modelyard.inference.policy import State
from modelyard.model_store import GOLDEN, WARMUP, Lineage, Manifest, ModelStore, Tolerance
from modelyard.prediction import ModelRef
from modelyard.wire import tensors, tfrecord
from modelyard.wire.tf_serving import PredictionLog


class House:
    """A model directory, and a manager that watches it."""

    def __init__(self, root: Path, make_runtime: Any, metrics: InferenceMetrics) -> None:
        self.store = ModelStore(root)
        root.mkdir()
        self.make_runtime = make_runtime
        self.runtimes: dict[str, Any] = {}
        self.before_load: Callable[[Path], None] = lambda _: None
        self.serving: dict[str, bool] = {}
        self.manager = ModelManager(
            self.store,
            self._load,
            Limits(8, 100),
            metrics,
            poll_seconds=0.01,
            on_change=lambda serving: self.serving.update(serving),
        )

    def _load(self, path: Path) -> Any:
        self.before_load(path)
        runtime = self.make_runtime()
        self.runtimes[f"{path.parent.name} {path.name}"] = runtime
        return runtime

    def publish(self, name: str, version: int, files: dict[str, bytes] | None = None) -> Path:
        staged = self.store.staging(f"{name}.{version}", 1)
        for file, data in ({"saved_model.pb": b"x"} | (files or {})).items():
            (staged / file).parent.mkdir(exist_ok=True)
            (staged / file).write_bytes(data)
        manifest = Manifest(
            model=name,
            version=version,
            created_at="2026-01-01T00:00:00Z",
            task={"type": "t"},
            network={},
            parameters=1,
            signatures={},
            tolerance={"float32": Tolerance(absolute=1e-3, relative=0)},
            metrics={},
            lineage=Lineage(job="j", fence=1, dataset="d", seed=0, libraries={}),
        )
        return self.store.publish(staged, self.store.seal(staged, manifest))

    def wait(self, name: str, version: int, state: State) -> Any:
        deadline = time.monotonic() + 20
        while True:
            found = [s for s in self.manager.statuses(name) if s.version == version]
            if found and found[0].state is state:
                return found[0]
            assert time.monotonic() < deadline, found
            time.sleep(0.005)

    def version_of(self, ref: ModelRef) -> int:
        with self.manager.use(ref) as version:
            return version.served.version


@pytest.fixture
def house(tmp_path: Path, make_runtime: Any, metrics: InferenceMetrics) -> Iterator[House]:
    house = House(tmp_path / "models", make_runtime, metrics)
    yield house
    house.manager.stop()


def record(tmp_path: Path, x: float, y: float | None = None) -> bytes:
    """A TFRecord with one request and, as in a golden batch, its answer."""
    log = PredictionLog()
    log.predict_log.request.inputs["x"].CopyFrom(tensors.encode(np.full((1, 2), x, np.float32)))
    if y is not None:
        outputs = log.predict_log.response.outputs
        outputs["y"].CopyFrom(tensors.encode(np.full((1, 2), y, np.float32)))
    tfrecord.write(tmp_path / "record", [log.SerializeToString()])
    return (tmp_path / "record").read_bytes()


def test_ready_is_that_nothing_found_at_the_start_is_pending(house: House) -> None:
    house.publish("a", 1)
    (house.store.root / "b" / "1").mkdir(parents=True)
    house.before_load = lambda path: _refuse(path.parent.name == "b")
    assert house.manager.ready() == (False, "starting")
    house.manager.start()
    house.wait("b", 1, State.END)
    house.wait("a", 1, State.AVAILABLE)
    deadline = time.monotonic() + 20
    while not house.manager.ready()[0]:
        assert time.monotonic() < deadline
    assert house.serving == {"a": True, "b": False}


def _refuse(is_bad: bool) -> None:
    if is_bad:
        raise RuntimeError("no such op")


def test_a_version_is_warm_and_tested_before_it_answers(house: House, tmp_path: Path) -> None:
    files = {WARMUP: record(tmp_path, 1), GOLDEN: record(tmp_path, 3, 6.0005)}
    house.publish("a", 1, files)
    house.manager.start()
    house.wait("a", 1, State.AVAILABLE)
    assert house.runtimes["a 1"].batches == [1, 1]


@pytest.mark.parametrize(
    ("file", "x", "y", "reason"),
    [
        (GOLDEN, 3, 7, "golden batch differs at serving_default.y"),
        (WARMUP, -1, None, "a row is negative"),
    ],
)
def test_a_version_that_fails_its_test_never_answers(
    house: House, tmp_path: Path, file: str, x: float, y: float | None, reason: str
) -> None:
    house.publish("a", 1)
    house.publish("a", 2, {file: record(tmp_path, x, y)})
    house.manager.start()
    status = house.wait("a", 2, State.END)
    assert reason in status.message
    house.wait("a", 1, State.AVAILABLE)
    assert house.version_of(ModelRef("a")) == 1
    assert house.runtimes["a 2"].is_closed, "its memory is given back"
    with pytest.raises(NotFound, match=reason) as raised:
        house.version_of(ModelRef("a", 2))
    assert raised.value.reason == "VERSION_QUARANTINED"


def test_files_that_are_not_as_the_manifest_says(house: House) -> None:
    path = house.publish("a", 1)
    (path / "saved_model.pb").write_bytes(b"y")
    house.manager.start()
    status = house.wait("a", 1, State.END)
    assert status.message == "not as its manifest says: saved_model.pb"
    assert status.code is FailedPrecondition.code
    assert house.runtimes == {}, "it was not even loaded"
    (path / "saved_model.pb").write_bytes(b"x")
    house.wait("a", 1, State.AVAILABLE)


def test_a_version_that_is_still_being_copied_holds_up_no_other(house: House) -> None:
    def copy_on(path: Path) -> None:
        if path.parent.name == "a":
            with open(path / "saved_model.pb", "ab") as file:
                file.write(b"more")
            raise RuntimeError("half of it is missing")

    house.before_load = copy_on
    (house.store.root / "a" / "1").mkdir(parents=True)
    house.publish("b", 1)
    house.manager.start()
    house.wait("b", 1, State.AVAILABLE)
    deadline = time.monotonic() + 20
    while not house.manager.ready()[0]:
        assert time.monotonic() < deadline
    house.before_load = lambda _: None
    house.wait("a", 1, State.AVAILABLE)


def test_an_unreadable_manifest_is_the_fault_of_its_version(house: House) -> None:
    path = house.publish("a", 1)
    (path / "assets.extra/manifest.json").write_bytes(b"{")
    house.publish("b", 1)
    house.manager.start()
    house.wait("b", 1, State.AVAILABLE)
    assert house.wait("a", 1, State.END).code is FailedPrecondition.code


def test_the_old_version_is_unloaded_after_the_last_call_that_uses_it(house: House) -> None:
    house.publish("a", 1)
    house.manager.start()
    house.wait("a", 1, State.AVAILABLE)
    with house.manager.use(ModelRef("a")) as old:
        house.publish("a", 2)
        house.wait("a", 2, State.AVAILABLE)
        house.wait("a", 1, State.UNLOADING)
        assert house.version_of(ModelRef("a")) == 2
        with pytest.raises(NotFound):
            house.version_of(ModelRef("a", 1))
        assert not house.runtimes["a 1"].is_closed
        assert old.served.version == 1
    house.wait("a", 1, State.END)
    assert house.runtimes["a 1"].is_closed


def test_while_the_first_version_loads_callers_are_told_to_come_again(house: House) -> None:
    def ask(_: Path) -> None:
        for ref in (ModelRef("a"), ModelRef("a", 1), ModelRef("a", alias="stable")):
            with pytest.raises(Unavailable) as raised:
                house.version_of(ref)
            assert raised.value.retry_after is not None
        asked.append(True)

    asked: list[bool] = []
    house.before_load = ask
    house.publish("a", 1)
    house.store.set_aliases("a", {"stable": 1})
    house.manager.start()
    house.wait("a", 1, State.AVAILABLE)
    assert asked == [True]
    assert house.version_of(ModelRef("a", alias="stable")) == 1


def test_what_is_not_there(house: House) -> None:
    house.publish("a", 1)
    house.manager.start()
    house.wait("a", 1, State.AVAILABLE)
    with pytest.raises(InvalidRequest, match=r"ModelSpec has no name specified\."):
        house.version_of(ModelRef(""))
    with pytest.raises(NotFound, match=r"Latest\(b\)"):
        house.version_of(ModelRef("b"))
    with pytest.raises(NotFound, match=r"Specific\(a, 0\)"):
        house.version_of(ModelRef("a", 0))
    with pytest.raises(InvalidRequest, match="Unrecognized servable version label: x"):
        house.version_of(ModelRef("a", alias="x"))


def test_a_removed_model_is_forgotten(house: House, registry: Any) -> None:
    path = house.publish("a", 1)
    house.manager.start()
    house.wait("a", 1, State.AVAILABLE)
    path.rename(house.store.root / ".removed")
    deadline = time.monotonic() + 20
    while house.manager.statuses("a"):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    with pytest.raises(NotFound):
        house.version_of(ModelRef("a"))
    names = {s.labels.get("model") for family in registry.collect() for s in family.samples}
    assert "a" not in names


def test_unreadable_aliases_stay_as_they_were(house: House) -> None:
    house.publish("a", 1)
    house.store.set_aliases("a", {"stable": 1})
    house.manager.start()
    house.wait("a", 1, State.AVAILABLE)
    (house.store.root / "a" / "aliases.json").write_bytes(b"{")
    house.publish("a", 2)
    house.wait("a", 2, State.AVAILABLE)
    assert house.version_of(ModelRef("a", alias="stable")) == 1
