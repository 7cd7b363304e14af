"""Natural batching, with a runtime that can be held up."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from modelyard.errors import Cancelled, DeadlineExceeded, ResourceExhausted, Unavailable
from modelyard.inference.batcher import Answer, Batcher, Limits
from modelyard.inference.metrics import InferenceMetrics
from modelyard.prediction import Call

LABELS = {"model": "m", "version": "1", "signature": "serving_default"}


class Bench:
    """A batcher and callers in threads of their own."""

    def __init__(self, runtime: Any, metrics: InferenceMetrics, **limits: Any) -> None:
        self.runtime = runtime
        limits = {"batch_rows": 8, "queue_rows": 100} | limits
        self.batcher = Batcher("m", 1, runtime, Limits(**limits), metrics)
        self._callers = ThreadPoolExecutor(64)

    def ask(self, values: list[float], call: Call = Call(), **kwargs: Any) -> Future[Answer]:  # noqa: B008 - a frozen value
        x = np.array([[value, value] for value in values], np.float32).reshape(len(values), 2)
        kwargs = {"rows": len(values)} | kwargs
        return self._callers.submit(
            self.batcher.run, "serving_default", {"x": x}, call=call, **kwargs
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """One call is running all the while, so that others gather behind it."""
        self.runtime.gate.clear()
        first = self.ask([0.0])
        assert self.runtime.entered.acquire(timeout=20)
        yield
        self.runtime.gate.set()
        first.result(20)

    def wait_for_rows(self, rows: int) -> None:
        deadline = time.monotonic() + 20
        while sum(self.batcher._waiting_rows.values()) != rows:
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def close(self) -> None:
        self.runtime.gate.set()
        self.batcher.close()
        self._callers.shutdown()


@pytest.fixture
def bench(runtime: Any, metrics: InferenceMetrics) -> Iterator[Bench]:
    bench = Bench(runtime, metrics)
    yield bench
    bench.close()


def first_column(answer: Answer) -> list[float]:
    values: list[float] = answer.outputs["y"][:, 0].tolist()
    return values


def test_a_lone_call_runs_at_once(bench: Bench) -> None:
    answer = bench.ask([3.0]).result(20)
    assert first_column(answer) == [6.0]
    assert bench.runtime.batches == [1]
    assert answer.queue_seconds >= 0
    assert answer.run_seconds >= 0


def test_what_waits_runs_together_in_few_sizes(bench: Bench, registry: CollectorRegistry) -> None:
    with bench.held():
        asked = [bench.ask([n, n + 0.5]) for n in (1.0, 2.0, 3.0)]
        bench.wait_for_rows(6)
    assert [first_column(each.result(20)) for each in asked] == [[2, 3], [4, 5], [6, 7]]
    assert bench.runtime.batches == [1, 8], "six rows were filled up to eight"
    name = "modelyard_inference_padding_rows_total"
    assert registry.get_sample_value(name, LABELS) == 2
    assert registry.get_sample_value("modelyard_inference_batch_rows_sum", LABELS) == 7


def test_batches_are_bounded_and_a_large_call_runs_alone(bench: Bench) -> None:
    with bench.held():
        asked = [bench.ask([float(n)] * 3) for n in range(4)]
        bench.wait_for_rows(12)
        asked.append(bench.ask([9.0] * 11))
        bench.wait_for_rows(23)
    assert [first_column(each.result(20))[0] for each in asked] == [0, 2, 4, 6, 18]
    assert sorted(bench.runtime.batches) == [1, 8, 8, 11]


def test_one_bad_row_never_fails_its_neighbours(bench: Bench) -> None:
    with bench.held():
        asked = [bench.ask([value]) for value in (1.0, -1.0, 2.0)]
        bench.wait_for_rows(3)
    assert first_column(asked[0].result(20)) == [2.0]
    assert first_column(asked[2].result(20)) == [4.0]
    with pytest.raises(ValueError, match="negative"):
        asked[1].result(20)


def test_everybody_gets_the_outputs_they_named(bench: Bench) -> None:
    with bench.held():
        some = bench.ask([1.0], outputs=["total"])
        others = bench.ask([2.0], outputs=["y"])
        bench.wait_for_rows(2)
    assert {name: a.tolist() for name, a in some.result(20).outputs.items()} == {"total": [2.0]}
    assert list(others.result(20).outputs) == ["y"]


def test_calls_that_cannot_share_run_alone(bench: Bench) -> None:
    with bench.held():
        asked = [bench.ask([1.0], rows=None), bench.ask([2.0], rows=None), bench.ask([])]
        bench.wait_for_rows(3)
    assert [first_column(each.result(20)) for each in asked] == [[2.0], [4.0], []]
    assert sorted(bench.runtime.batches) == [0, 1, 1, 1]


def test_a_full_queue_refuses_and_says_when_to_come_again(bench: Bench) -> None:
    with bench.held():
        waiting = [bench.ask([1.0] * 50), bench.ask([1.0] * 50)]
        bench.wait_for_rows(100)
        with pytest.raises(ResourceExhausted) as raised:
            bench.ask([1.0]).result(20)
        assert raised.value.retry_after is not None
        assert raised.value.retry_after > 0
    assert [len(each.result(20).outputs["y"]) for each in waiting] == [50, 50]
    assert first_column(bench.ask([1.0] * 200).result(20))[0] == 2.0, (
        "an empty queue takes any call"
    )


def test_nobody_works_for_those_who_left(bench: Bench) -> None:
    is_there = threading.Event()
    is_there.set()
    with bench.held():
        leaving = bench.ask([1.0], Call(None, is_there.is_set))
        expiring = bench.ask([2.0], Call(time.monotonic() + 0.05))
        staying = bench.ask([3.0], Call(time.monotonic() + 60))
        is_there.clear()
        with pytest.raises(DeadlineExceeded):  # while the other call still runs
            expiring.result(20)
        with pytest.raises(Cancelled):
            leaving.result(20)
    assert first_column(staying.result(20)) == [6.0]
    assert bench.runtime.batches == [1, 1]


def test_a_deadline_that_no_run_can_meet_is_not_run_for(bench: Bench) -> None:
    bench.batcher._fastest["serving_default"] = 5.0
    with pytest.raises(DeadlineExceeded):
        bench.ask([1.0], Call(time.monotonic() + 1.0)).result(20)
    assert bench.runtime.batches == []
    assert first_column(bench.ask([1.0], Call(time.monotonic() + 60)).result(20)) == [2.0]


def test_closing_answers_those_who_wait_and_refuses_others(bench: Bench) -> None:
    with bench.held():
        waiting = bench.ask([1.0])
        bench.wait_for_rows(1)
        closing = threading.Thread(target=bench.batcher.close)
        closing.start()
        while not bench.batcher._is_closed:
            time.sleep(0.001)
        with pytest.raises(Unavailable):
            bench.ask([2.0]).result(20)
    closing.join(20)
    assert first_column(waiting.result(20)) == [2.0]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    calls=st.lists(
        st.lists(st.floats(-1, 1e6, width=32), min_size=1, max_size=11), min_size=1, max_size=12
    ),
    threads=st.integers(1, 3),
)
def test_a_batched_answer_equals_the_lone_one(
    make_runtime: Any, calls: list[list[float]], threads: int
) -> None:
    bench = Bench(make_runtime(), InferenceMetrics(CollectorRegistry()), threads=threads)
    try:
        with bench.held():
            asked = [bench.ask(values) for values in calls]
        for values, each in zip(calls, asked, strict=True):
            if min(values) < 0:
                assert isinstance(each.exception(20), ValueError)
            else:
                assert first_column(each.result(20)) == [
                    np.float32(2) * np.float32(v) for v in values
                ]
    finally:
        bench.close()
