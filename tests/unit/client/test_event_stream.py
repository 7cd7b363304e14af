"""Server-sent events are read as the HTML standard says."""

from modelyard.client.event_stream import Message, parse


def test_messages_comments_and_the_id_that_stays() -> None:
    lines = [
        ": keeps the connection open",
        "",
        "id: 7",
        "event: epoch",
        'data: {"epoch": 1,',
        'data: "epochs": 3}',
        "",
        "event: end",
        'data:{"state": "SUCCEEDED"}',
        "",
    ]
    assert list(parse(lines)) == [
        Message("7", "epoch", {"epoch": 1, "epochs": 3}),
        Message("7", "end", {"state": "SUCCEEDED"}),
    ]


def test_what_a_broken_connection_cut_is_not_told() -> None:
    assert list(parse(["id: 1", "event: epoch", 'data: {"epoch": 1}'])) == []
