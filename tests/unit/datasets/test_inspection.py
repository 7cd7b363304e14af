"""Large datasets: looked through once, in a process of its own, while callers come and go."""

import threading
import time
from pathlib import Path

import pytest

from modelyard.dataset_store import DatasetStore
from modelyard.datasets import CSV, isolation
from modelyard.errors import BadData, Unavailable


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetStore:
    monkeypatch.setattr("modelyard.datasets.inspection.SMALL", 0)
    return DatasetStore(tmp_path)


def uploaded(store: DatasetStore, content: bytes) -> CSV:
    return CSV(source=f"dataset://{store.put([content], name='large.csv')}")


def test_another_process_says_the_same(store: DatasetStore) -> None:
    dataset = uploaded(store, b"a,b\n1,x\n2,y\nthree,\n")

    assert dataset.schema(store) == dataset.summarise(store).schema()


def test_a_bad_row_is_named_across_processes(store: DatasetStore) -> None:
    dataset = uploaded(store, b"a,b\n1,2\n3\n")

    with pytest.raises(BadData) as caught:
        dataset.schema(store)

    assert caught.value.violations[0].field == "large.csv:3"
    assert caught.value.violations[0].expected == "2"


def test_many_callers_cause_one_look(store: DatasetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = uploaded(store, b"a\n1\n")
    looks = []
    ask = isolation.ask

    def counted(*args: object, **fields: object) -> object:
        looks.append(args)
        return ask(*args, **fields)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(isolation, "ask", counted)
    callers = [threading.Thread(target=dataset.schema, args=(store,)) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)

    assert len(looks) == 1


@pytest.mark.parametrize("content", [b"a\n1\n", b"a,b\n1\n"])
def test_who_is_not_patient_finds_the_result_later(store: DatasetStore, content: bytes) -> None:
    hasty = DatasetStore(store.root, patience=0.001)
    dataset = uploaded(store, content)

    with pytest.raises(Unavailable) as caught:
        dataset.schema(hasty)
    assert caught.value.retry_after
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            assert dataset.schema(hasty).rows == 1
            break
        except BadData:
            assert content == b"a,b\n1\n"
            break
        except Unavailable:
            time.sleep(0.05)
    else:
        pytest.fail("the look never ended")
