"""Server-sent events, as the HTML standard defines them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Message:
    id: str
    kind: str
    data: dict[str, Any]


def parse(lines: Iterable[str]) -> Iterator[Message]:
    """The messages in the lines of a stream; comments, which keep a quiet stream alive, are skipped."""
    fields: dict[str, str] = {}
    for line in lines:
        if not line:
            if "data" in fields:
                yield _message(fields)
            fields = {"id": fields["id"]} if "id" in fields else {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields['data']}\n{value}" if name == "data" in fields else value
    # What was not ended by an empty line is not complete, and comes again after a reconnect.


def _message(fields: dict[str, str]) -> Message:
    data = json.loads(fields["data"] or "{}")
    return Message(
        fields.get("id", ""),
        fields.get("event", "message"),
        data if isinstance(data, dict) else {"value": data},
    )
