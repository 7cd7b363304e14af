"""Server-sent events, as the HTML standard defines them, and how a stream of them is followed to its end."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.client.errors import DeadlineExceeded, Unavailable
from modelyard.client.http import check
from modelyard.client.retrying import backoff
from modelyard.client.steps import Emit, NextLine, Open, Pause, Steps

SILENCE = 60.0  # seconds without a line, after which a stream is taken for dead and opened again
PATIENCE = 120.0  # seconds of reconnecting in vain, after which the caller is told


@dataclass(frozen=True)
class Message:
    id: str
    kind: str
    data: dict[str, Any]


class Parser:
    """Takes the lines of a stream one by one; comments, which keep a quiet stream alive, are skipped."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}

    def feed(self, line: str) -> Message | None:
        """The message that the line completes. One that no empty line ended comes again after a reconnect."""
        if not line:
            return self._ended()
        if not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            is_more = name == "data" and "data" in self._fields
            self._fields[name] = f"{self._fields['data']}\n{value}" if is_more else value
        return None

    def _ended(self) -> Message | None:
        fields = self._fields
        self._fields = {"id": fields["id"]} if "id" in fields else {}
        return _message(fields) if "data" in fields else None


def parse(lines: Iterable[str]) -> Iterator[Message]:
    parser = Parser()
    for line in lines:
        if (message := parser.feed(line)) is not None:
            yield message


@dataclass
class _Place:
    """Where a stream is, over all its connections."""

    last: str
    """The id of the last message."""
    failing_since: float | None = None
    attempt: int = 0
    ended: bool = False

    def reached(self, message: Message) -> None:
        self.last, self.failing_since, self.attempt = message.id or self.last, None, 0
        self.ended = message.kind == "end"


def followed(
    path: str,
    params: Mapping[str, Any],
    after: str,
    make: Callable[[Message], Any],
    is_over: Callable[[], Steps[bool]],
) -> Steps[None]:
    """Emits what `make` makes of each message until `end`, none lost, none twice.

    A broken connection is opened again after the last id. `is_over` is asked when a stream ended without
    news; one that is opened after it was over and has none either tells that they are gone. Raises
    Unavailable when nobody has answered for two minutes.
    """
    place, was_over = _Place(after), False
    while True:
        seen = place.last
        try:
            yield from _connection(path, params, place, make)
            if place.ended or (was_over and place.last == seen):
                return
            was_over = place.last == seen and (yield from is_over())
        except (Unavailable, DeadlineExceeded):
            place.failing_since = place.failing_since or time.monotonic()
            if time.monotonic() - place.failing_since > PATIENCE:
                raise
        yield Pause(backoff(place.attempt))
        place.attempt += 1


def _connection(
    path: str, params: Mapping[str, Any], place: _Place, make: Callable[[Message], Any]
) -> Steps[None]:
    """Emits what comes over one connection, until the end or until it breaks."""
    headers = {"Accept": "text/event-stream"}
    if place.last:
        headers["Last-Event-ID"] = place.last
    refused = yield Open(path, headers, SILENCE, params)
    if refused is not None:
        check(refused)
    parser = Parser()
    while not place.ended and (line := (yield NextLine())) is not None:
        message = parser.feed(line)
        if message is None or (message.id and message.id == place.last):
            continue
        place.reached(message)
        if (item := make(message)) is not None:
            yield Emit(item)


def _message(fields: dict[str, str]) -> Message:
    data = json.loads(fields["data"] or "{}")
    return Message(
        fields.get("id", ""),
        fields.get("event", "message"),
        data if isinstance(data, dict) else {"value": data},
    )
