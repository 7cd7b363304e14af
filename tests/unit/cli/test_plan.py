"""What `up` decides before it starts anything."""

from pathlib import Path
from typing import Any

import pytest

from modelyard.cli.plan import Wishes, plan
from modelyard.errors import FailedPrecondition


@pytest.fixture(autouse=True)
def no_redis_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODELYARD_REDIS_URL", raising=False)


def test_the_ports_that_were_asked_for() -> None:
    decided = plan(Wishes(Path("/home"), port=8000, grpc_port=9000), free=lambda port: True)
    assert (decided.url, decided.grpc, decided.redis_port) == (
        "http://127.0.0.1:8000",
        "127.0.0.1:9000",
        16379,
    )
    assert decided.notes == ()


def test_a_taken_port_is_told_and_the_next_used() -> None:
    decided = plan(
        Wishes(Path("/home")),
        free=lambda port: port not in (7070, 7071),
        owner=lambda port: f"pid 42 (serves {port})",
    )
    assert decided.url == "http://127.0.0.1:7072"
    assert decided.notes == (
        "port 7070 is taken, the jobs API uses 7072; it is held by pid 42 (serves 7070)",
    )


def test_no_two_services_share_a_port() -> None:
    decided = plan(Wishes(Path("/home"), workers=4, port=9101, grpc_port=9101), free=lambda _: True)
    places = [spec.health for spec in decided.services] + [f"http://{decided.grpc}"]
    assert len(set(places)) == len(places) == 7


def test_no_port_at_all_is_an_error() -> None:
    with pytest.raises(FailedPrecondition, match="no free port for the queue"):
        plan(Wishes(Path("/home")), free=lambda port: False)


def test_secrets_stay_out_of_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_REDIS_URL", "redis://:hunter2@queue:6379/0")
    decided = plan(Wishes(Path("/home")), free=lambda port: True)
    assert (
        decided.redis_port is None
    )  # one's own server is used, and inherited from the environment
    assert "hunter2" not in repr(decided)


@pytest.mark.parametrize(
    ("wishes", "gpus", "devices"),
    [
        ({}, (), ["auto"]),
        ({"workers": 2}, (), ["auto", "auto"]),
        ({}, ("0", "1"), ["0", "1"]),  # one for each, and each its own
        ({"workers": 1}, ("0", "1"), ["0"]),
        ({"workers": 3}, ("0", "1"), ["0", "1", "cpu"]),
        ({"device": "cpu"}, ("0", "1"), ["cpu"]),
        ({"device": "1"}, ("0", "1"), ["1"]),
    ],
)
def test_every_gpu_has_one_worker(
    wishes: dict[str, Any], gpus: tuple[str, ...], devices: list[str]
) -> None:
    decided = plan(Wishes(Path("/home"), **wishes), free=lambda _: True, there=lambda: gpus)
    told = [s.environment["MODELYARD_DEVICE"] for s in decided.services if "worker" in s.name]
    assert told == devices
