"""How errors look on the wire."""

import pytest
from google.rpc import error_details_pb2
from hypothesis import given
from hypothesis import strategies as st

from modelyard import errors
from modelyard.inference.byte_budget import ByteBudget
from modelyard.inference.status import public, status_of


def test_an_error_keeps_its_code_reason_fields_and_delay() -> None:
    violation = errors.Violation("images[3]", "is no image", "a PNG", "7 bytes")
    error = errors.ResourceExhausted(
        "full", reason="QUEUE_FULL", violations=(violation,), retry_after=0.25
    )
    status = status_of(error, "id-1")
    assert (status.code, status.message) == (8, "full")
    info, request = error_details_pb2.ErrorInfo(), error_details_pb2.RequestInfo()
    bad, retry = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail, message in zip(status.details, (info, request, bad, retry), strict=True):
        assert detail.Unpack(message)
    assert (info.reason, info.domain, request.request_id) == ("QUEUE_FULL", "modelyard", "id-1")
    assert bad.field_violations[0].field == "images[3]"
    assert bad.field_violations[0].description == "is no image (expected a PNG, received 7 bytes)"
    assert retry.retry_delay.ToMilliseconds() == 250


def test_an_error_that_nobody_foresaw_tells_nothing() -> None:
    status = status_of(public(ZeroDivisionError("/secret/path")), "id-2")
    assert status.code == 13
    assert "secret" not in str(status)


@given(st.text(max_size=3000), st.integers(0, 60))
def test_any_text_becomes_a_status_of_bounded_size(text: str, count: int) -> None:
    violations = tuple(errors.Violation(text, text, text, text) for _ in range(count))
    status = status_of(errors.InvalidRequest(text + "\ud800", violations=violations), "id")
    assert len(status.SerializeToString()) < 80_000
    assert len(status.message) <= 1024 + len("...TRUNCATED")


def test_every_code_is_one_of_grpc() -> None:
    for code in errors.Code:
        kind = type("Kind", (errors.ModelyardError,), {"code": code})
        assert status_of(kind("x"), "id").code > 0


def test_bytes_are_given_back_even_if_a_request_is_dropped() -> None:
    budget = ByteBudget(100)
    with budget.reserve(60):
        with pytest.raises(errors.ResourceExhausted) as raised:
            budget.reserve(50)
        assert raised.value.retry_after is not None
    dropped = budget.reserve(100)
    assert budget.held == 100
    del dropped
    assert budget.held == 0
    with pytest.raises(errors.ResourceExhausted) as raised:
        budget.reserve(101)
    assert raised.value.retry_after is None, "it will never fit"


def test_an_error_leads_to_the_page_of_its_reason() -> None:
    error = errors.NotFound("no", reason="VERSION_QUARANTINED")
    link = error_details_pb2.Help()
    assert status_of(error, "id", "http://docs.example/errors/").details[-1].Unpack(link)
    assert link.links[0].url == "http://docs.example/errors/VERSION_QUARANTINED"
    assert "The message says why" in link.links[0].description


def test_a_reason_that_nobody_knows_has_no_link() -> None:
    status = status_of(errors.NotFound("no", reason="OF_TOMORROW"), "id", "http://docs.example")
    assert not any(detail.Is(error_details_pb2.Help.DESCRIPTOR) for detail in status.details)
