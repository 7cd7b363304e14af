"""Client and AsyncClient have the same rooms, the same methods, the same parameters."""

import inspect
import re
from typing import Any

import pytest

from modelyard.client import async_doors, doors
from modelyard.client.async_client import AsyncClient
from modelyard.client.client import Client

TWINS = [
    (Client, AsyncClient),
    (doors.Job, async_doors.AsyncJob),
    (doors.JobPage, async_doors.AsyncJobPage),
    (doors.Jobs, async_doors.AsyncJobs),
    (doors.Datasets, async_doors.AsyncDatasets),
    (doors.Models, async_doors.AsyncModels),
    (doors.Workers, async_doors.AsyncWorkers),
    (doors.Predictions, async_doors.AsyncPredictions),
    (doors.ServedModel, async_doors.AsyncServedModel),
]
CONTEXT = {"__enter__": "__aenter__", "__exit__": "__aexit__"}


@pytest.mark.parametrize(("sync", "asynchronous"), TWINS, ids=lambda kind: kind.__name__)
def test_the_twins_have_the_same_surface(sync: type, asynchronous: type) -> None:
    ours, theirs = surface(sync), surface(asynchronous)
    assert set(ours) == set(theirs)
    for name, signature in ours.items():
        assert signature == theirs[name], name


@pytest.mark.parametrize(("sync", "asynchronous"), TWINS, ids=lambda kind: kind.__name__)
def test_what_blocks_in_one_is_awaited_in_the_other(sync: type, asynchronous: type) -> None:
    blocking = {"raise_for_state", "with_options", "model"}  # values in, values out
    for name in surface(asynchronous):
        method = getattr(asynchronous, CONTEXT.get(name, name))
        if inspect.isfunction(method) and name not in blocking and not name.startswith("__"):
            iterates = "AsyncIterator" in str(inspect.signature(method).return_annotation)
            assert inspect.iscoroutinefunction(method) or iterates, name


def test_a_client_has_the_same_rooms() -> None:
    with Client("http://127.0.0.1:1", "127.0.0.1:1") as client:
        other = AsyncClient("http://127.0.0.1:1", "127.0.0.1:1")
        rooms = {name: type(room).__name__ for name, room in vars(client).items()}
        twins = {
            name: type(room).__name__.removeprefix("Async") for name, room in vars(other).items()
        }
    assert rooms | {"_driver": ""} == twins | {"_driver": ""}


def surface(kind: type) -> dict[str, Any]:
    """Public names, each with its parameters and what it answers, without the words that make it a twin."""
    back = {twin: name for name, twin in CONTEXT.items()}
    found = {}
    for name, member in inspect.getmembers(kind):
        name = back.get(name, name)
        if name.startswith("_") and name not in CONTEXT and name != "__init__":
            continue
        found[name] = plain(member)
    return found


def plain(member: Any) -> str:
    if not callable(member):
        return type(member).__name__
    text = str(inspect.signature(member))
    return (
        re.sub(r"\b(modelyard\.client\.)?(async_)?(doors\.|driver\.)?Async", "", text)
        .replace("modelyard.client.doors.", "")
        .replace("modelyard.client.sync_driver.Sync", "")
        .replace("modelyard.client.async_driver.", "")
    )
