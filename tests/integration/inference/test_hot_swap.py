"""Versions come and go under load, and no caller sees an error."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import numpy as np
import pytest

from modelyard.wire import tensors
from modelyard.wire.tf_serving import (
    GetModelStatusRequest,
    GetModelStatusResponse,
    PredictRequest,
    PredictResponse,
)

CALLS_PER_SECOND = 150
FACTOR = {0: 2.0, 1: 3.0}
"""Of even and odd versions: an answer tells which weights it came from."""


def source(version: int) -> str:
    return {0: "times2", 1: "times3"}[version % 2]


def request(**choice: Any) -> Any:
    message = PredictRequest(model_spec={"name": "arithmetic", **choice})
    message.inputs["x"].CopyFrom(tensors.encode(np.ones((1, 4), np.float32)))
    return message


def stub(channel: grpc.Channel) -> Any:
    return channel.unary_unary(
        "/tensorflow.serving.PredictionService/Predict",
        request_serializer=PredictRequest.SerializeToString,
        response_deserializer=PredictResponse.FromString,
    )


class Load:
    """Calls at a steady rate; notes what came back."""

    def __init__(self, channel: grpc.Channel, message: Any) -> None:
        self._call = stub(channel)
        self._message = message
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self.versions: list[int] = []
        self.problems: list[str] = []
        self.seconds = 0.0

    def run(self) -> None:
        started = time.monotonic()
        sent = 0
        while not self._stopping.is_set():
            future = self._call.future(self._message, timeout=30)
            future.add_done_callback(self._note)
            sent += 1
            time.sleep(max(0.0, started + sent / CALLS_PER_SECOND - time.monotonic()))
        self.seconds = time.monotonic() - started
        self.wait_for(sent)

    def wait_for(self, answers: int) -> None:
        deadline = time.monotonic() + 30
        while len(self.versions) + len(self.problems) < answers and time.monotonic() < deadline:
            time.sleep(0.01)

    def stop(self) -> None:
        self._stopping.set()

    def _note(self, future: Any) -> None:
        error = future.exception()
        with self._lock:
            if error is not None:
                self.problems.append(f"{error.code()}: {error.details()}")
                return
            answer = future.result()
            version = answer.model_spec.version.value
            self.versions.append(version)
            y = tensors.decode("y", answer.outputs["y"])
            if not (y == FACTOR[version % 2]).all():
                self.problems.append(f"version {version} answered {y}")


@contextmanager
def load(channel: grpc.Channel, message: Any) -> Iterator[Load]:
    calls = Load(channel, message)
    thread = threading.Thread(target=calls.run)
    thread.start()
    try:
        yield calls
    finally:
        calls.stop()
        thread.join()


def test_twenty_hot_swaps_under_load_without_one_failed_call(start: Any, publish: Any) -> None:
    publish(source(1), "arithmetic", 1)
    service = start()
    with load(service.channel(), request()) as calls:
        for version in range(2, 22):
            publish(source(version), "arithmetic", version)
            service.wait_loaded("arithmetic", version)
            time.sleep(0.1)
    assert calls.problems == []
    assert set(calls.versions) == set(range(1, 22)), "every version answered"
    assert len(calls.versions) / calls.seconds >= 100, "calls a second"
    service.wait_until(
        lambda: _states(service) == {21: "AVAILABLE"} | dict.fromkeys(range(1, 21), "END")
    )
    page = service.page("/metrics")[1]
    assert 'version="21"' in page
    assert 'version="20"' not in page, "series of unloaded versions are dropped"


def _states(service: Any) -> dict[int, str]:
    call = service.channel().unary_unary(
        "/tensorflow.serving.ModelService/GetModelStatus",
        request_serializer=GetModelStatusRequest.SerializeToString,
        response_deserializer=GetModelStatusResponse.FromString,
    )
    answer = call(GetModelStatusRequest(model_spec={"name": "arithmetic"}))
    names = {10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}
    return {each.version: names[each.state] for each in answer.model_version_status}


def test_an_alias_moves_without_a_gap(start: Any, publish: Any, store: Any) -> None:
    for version in (1, 2, 3):
        publish(source(version), "arithmetic", version)
    store.set_aliases("arithmetic", {"stable": 1})
    service = start()
    with load(service.channel(), request(version_label="stable")) as calls:
        for version in (2, 1, 3, 1, 2):
            store.set_aliases("arithmetic", {"stable": version})
            service.wait_until(lambda version=version: calls.versions[-1:] == [version])
    assert calls.problems == []
    assert set(calls.versions) == {1, 2, 3}


def test_a_corrupt_version_is_quarantined_and_its_neighbours_serve(
    start: Any, publish: Any, store: Any
) -> None:
    publish(source(1), "arithmetic", 1)
    publish(source(0), "other", 1)
    store.set_aliases("arithmetic", {"stable": 1})
    service = start()
    with load(service.channel(), request(version_label="stable")) as calls:
        # Published as the trainer does, and then one byte changes on the disk.
        staged = store.staging("bad", 1)
        shutil.copytree(publish.zoo / source(2), staged, dirs_exist_ok=True)
        manifest = store.seal(staged, publish.manifest(source(2), "arithmetic", 2))
        weights = next(staged.glob("variables/variables.data*"))
        right = weights.read_bytes()
        weights.write_bytes(bytes([right[0] ^ 1]) + right[1:])
        published = store.publish(staged, manifest)
        store.set_aliases("arithmetic", {"stable": 2})
        service.wait_until(lambda: _states(service).get(2) == "END")
        time.sleep(0.3)
        assert set(calls.versions) == {1}, "the alias stays where it was"
        quarantined = _quarantined(service)
        assert "variables.data" in quarantined.details()
        assert quarantined.code() is grpc.StatusCode.NOT_FOUND
        # It is tried again when its files change.
        (published / weights.relative_to(staged)).write_bytes(right)
        service.wait_until(lambda: calls.versions[-1:] == [2])
    assert calls.problems == []


def _quarantined(service: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as raised:
        stub(service.channel())(request(version={"value": 2}))
    return raised.value


def test_a_lost_model_directory_changes_nothing(start: Any, publish: Any, store: Any) -> None:
    publish(source(1), "arithmetic", 1)
    service = start()
    store.root.rename(store.root.with_name("elsewhere"))
    service.wait_until(lambda: any(line["event"] == "watching_failed" for line in service.lines()))
    assert stub(service.channel())(request()).model_spec.version.value == 1
    store.root.with_name("elsewhere").rename(store.root)
    publish(source(2), "arithmetic", 2)
    service.wait_loaded("arithmetic", 2)
    assert stub(service.channel())(request()).model_spec.version.value == 2


def test_savedmodels_from_elsewhere_are_served(start: Any, publish: Any) -> None:
    publish.without_manifest("times2", "arithmetic", "00000123")
    publish.without_manifest("centred", "centred", 1)
    service = start()
    call = stub(service.channel())
    assert call(request()).model_spec.version.value == 123

    def centred(values: list[float]) -> Any:
        message = PredictRequest(model_spec={"name": "centred"})
        message.inputs["x"].CopyFrom(tensors.encode(np.array(values, np.float32)))
        return message

    # Its rows know of one another, so that strangers must never share a batch.
    flying = [call.future(centred([n, n + 2.0])) for n in range(40)]
    for each in flying:
        assert tensors.decode("y", each.result().outputs["y"]).tolist() == [-1.0, 1.0]
