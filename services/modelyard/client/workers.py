"""Workers: who trains, and what they do now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelyard.client import http
from modelyard.client.retrying import Options
from modelyard.client.steps import Emit, Steps


@dataclass(frozen=True)
class Worker:
    """`state` is busy, idle or lost; `job` is what a busy one trains."""

    name: str
    state: str
    job: str
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Worker":
        return cls(str(raw["name"]), str(raw.get("state") or ""), str(raw.get("job") or ""), raw)


def all_of(options: Options) -> Steps[None]:
    answer = yield from http.get(options, "/v1/workers")
    for raw in answer["workers"]:
        yield Emit(Worker.of(raw))
