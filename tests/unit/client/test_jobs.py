"""Jobs from submit to end, through both clients, with what goes wrong on the way."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from modelyard.client import (
    AlreadyExists,
    Client,
    DeadlineExceeded,
    Event,
    InvalidRequest,
    JobCancelled,
    JobFailed,
    ResourceExhausted,
    Unavailable,
    WaitTimeout,
)
from modelyard.testing import FakeServer, Fate

STORY = ["QUEUED", "STARTING", "VALIDATING", "RUNNING", "PUBLISHING", "SUCCEEDED"]
Body = dict[str, object]


def test_a_job_tells_its_story_and_publishes(client: Client, request_body: Body) -> None:
    job = client.jobs.submit(request_body)
    events = list(job.events())
    done = job.wait(timeout=10)

    assert [event.data["state"] for event in events if event.kind == "state"] == STORY
    assert [event.data["epoch"] for event in events if event.kind == "epoch"] == [1, 2, 3]
    assert events[-1].kind == "end"
    assert len({event.id for event in events}) == len(events)
    assert (done.succeeded, done.model, done.version) == (True, "numbers", 1)
    assert [epoch.epoch for epoch in done.history()] == [1, 2, 3]
    assert len(list(done.logs())) == len(list(done.logs(follow=False))) == 3
    assert client.models.get("numbers").aliases == {"stable": 1}
    assert repr(done).startswith(f"Job(id='{job.id}', name='nightly', state='SUCCEEDED'")


def test_the_same_awaited(fake: FakeServer, request_body: Body) -> None:
    async def story() -> None:
        async with fake.async_client() as client:
            job = await client.jobs.submit(request_body)
            states = [event.data["state"] async for event in job.events() if event.kind == "state"]
            done = await job.wait(timeout=10)
            lines = [str(line) async for line in job.logs()]
            answer = await client.model("numbers").classify(b"an image")
            listed = [job.id async for job in client.jobs.list()]

        assert states == STORY
        assert (done.succeeded, done.version, answer.version) == (True, 1, 1)
        assert len(lines) == 3
        assert listed == [job.id]

    asyncio.run(story())


@pytest.mark.parametrize("cut", [0, 1, 4, 8])
def test_a_broken_stream_goes_on_where_it_broke(
    fake: FakeServer, client: Client, request_body: Body, cut: int
) -> None:
    job = client.jobs.submit(request_body)
    job.wait(timeout=10)
    whole = list(job.events())
    fake.cut_next_stream(after=cut)
    assert list(job.events()) == whole
    fake.cut_next_stream(after=1)
    assert [str(line) for line in job.logs()] == [str(line) for line in job.logs(follow=False)]


def test_going_on_after_an_event_that_was_seen(client: Client, request_body: Body) -> None:
    job = client.jobs.submit(request_body).wait(timeout=10)
    whole = list(job.events())
    assert list(job.events(after=whole[3].id)) == whole[4:]


def test_who_stops_listening_leaves_at_once(client: Client, request_body: Body) -> None:
    job = client.jobs.submit(request_body)
    events = job.events()
    assert next(events).data["state"] == "QUEUED"
    events.close()  # type: ignore[attr-defined]  # an iterator that is a generator
    assert client.jobs.get(job.id).id == job.id


async def last(events: AsyncIterator[Event]) -> Event:
    return [event async for event in events][-1]


def test_who_stops_awaiting_leaves_at_once(request_body: Body) -> None:
    async def story() -> None:
        with FakeServer(step=30) as slow:
            async with slow.async_client() as client:
                job = await client.jobs.submit(request_body)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(last(job.events()), 0.2)
                async with contextlib.aclosing(job.events()) as events:  # type: ignore[type-var]  # a generator, typed as an iterator
                    assert (await anext(events)).kind == "state"
                assert not (await job.refresh()).terminal

    asyncio.run(story())


def test_jobs_are_values(client: Client, request_body: Body) -> None:
    job = client.jobs.submit(request_body).wait(timeout=10)
    assert {job, client.jobs.get(job.id)} == {job}


def test_a_job_that_fails_or_is_cancelled_raises_when_waited_for(
    fake: FakeServer, client: Client, request_body: Body
) -> None:
    fake.next_job_ends(Fate("FAILED", "NAN_LOSS", "the loss is nan at step 3", epochs=1))
    with pytest.raises(JobFailed, match="nan at step 3") as failed:
        client.jobs.submit(request_body).wait(timeout=10)
    assert (failed.value.reason, failed.value.retryable) == ("NAN_LOSS", False)

    job = client.jobs.submit(request_body).cancel()
    with pytest.raises(JobCancelled):
        job.wait(timeout=10)
    assert [event.kind for event in job.events()][-1] == "end"


def test_waiting_has_an_end_and_the_job_goes_on(request_body: Body) -> None:
    with FakeServer(step=30) as slow, slow.client() as client:
        job = client.jobs.submit(request_body)
        began = time.monotonic()
        with pytest.raises(WaitTimeout, match="goes on"):
            job.wait(timeout=0.3)
        assert 0.3 <= time.monotonic() - began < 5
        assert not job.refresh().terminal


def test_lists_are_filtered_and_paged(client: Client, request_body: Body) -> None:
    ids = [client.jobs.submit(request_body).id for _ in range(5)]
    client.jobs.submit(request_body | {"publish": {"model": "other"}})

    assert [job.id for job in client.jobs.list(model="numbers")] == ids[::-1]
    first = client.jobs.page(model="numbers", limit=3)
    second = client.jobs.page(model="numbers", limit=3, page_token=first.next_page_token)
    assert [job.id for job in (*first.jobs, *second.jobs)] == ids[::-1]
    assert second.next_page_token == ""
    with pytest.raises(InvalidRequest) as caught:
        client.jobs.page(model="other", page_token=first.next_page_token)
    assert [violation.field for violation in caught.value.violations] == ["page_token"]


def test_again_with_and_without_changes(client: Client, request_body: Body) -> None:
    first = client.jobs.submit(request_body)
    again = first.retry()
    changed = first.clone({"training": {"epochs": 1}, "name": None})
    assert len({first.id, again.id, changed.id}) == 3
    assert again.raw["request"] == first.raw["request"]
    assert changed.raw["request"]["training"] == {"epochs": 1}
    assert "name" not in changed.raw["request"]
    report = client.jobs.validate_clone(first.id, {"training": {"epochs": 2}})
    assert report.classes == ("a", "b")
    with pytest.raises(InvalidRequest, match=r"training\.epochs"):
        client.jobs.validate_clone(first.id, {"training": {"epochs": 0}})


def test_a_key_promises_one_job(client: Client, request_body: Body) -> None:
    first = client.jobs.submit(request_body, idempotency_key="2026-11-24")
    same = client.jobs.submit(request_body, idempotency_key="2026-11-24")
    assert first.id == same.id
    with pytest.raises(AlreadyExists) as caught:
        client.jobs.submit(request_body | {"name": "b"}, idempotency_key="2026-11-24")
    assert caught.value.reason == "IDEMPOTENCY_KEY_REUSED"


def test_everything_that_is_wrong_is_said_at_once(client: Client, request_body: Body) -> None:
    with pytest.raises(InvalidRequest) as caught:
        client.jobs.submit({"task": {"type": "image_classification"}, "epochs": 3})
    error = caught.value
    fields = {violation.field for violation in error.violations}
    assert fields == {"epochs", "dataset", "network", "publish"}
    assert (error.code, error.reason, error.retryable) == (
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        False,
    )
    assert error.request_id


def test_a_busy_service_is_asked_again_when_it_says(
    fake: FakeServer, client: Client, request_body: Body
) -> None:
    fake.refuse_next_calls(1, code="RESOURCE_EXHAUSTED", reason="TOO_MANY_JOBS", retry_after=1)
    began = time.monotonic()
    client.jobs.submit(request_body)
    assert 1 <= time.monotonic() - began < 3
    assert fake.calls == ("POST /v1/jobs",) * 2


def test_patience_is_an_option_and_a_deadline_holds_for_all_tries(
    fake: FakeServer, client: Client
) -> None:
    fake.refuse_next_calls(1)
    with pytest.raises(Unavailable):
        client.with_options(retries=0).jobs.get("fake-1")

    fake.refuse_next_calls(1, code="RESOURCE_EXHAUSTED", reason="QUEUE_FULL", retry_after=20)
    began = time.monotonic()
    with pytest.raises(ResourceExhausted) as caught:  # 20 s are more than there is time for
        client.with_options(timeout=1, retries=5).jobs.get("fake-1")
    assert time.monotonic() - began < 1
    assert (caught.value.retry_after, caught.value.retryable) == (20, True)


def test_nothing_is_done_twice_that_may_not_be(fake: FakeServer, client: Client) -> None:
    fake.refuse_next_calls(1)
    with pytest.raises(Unavailable):
        client.models.delete_version("digits", 1)
    assert fake.calls == ("DELETE /v1/models/digits/versions/1",)


@pytest.mark.parametrize("options", [{"timeout": 0}, {"timeout": -1}, {"retries": -1}])
def test_options_that_make_no_sense(client: Client, options: dict[str, int]) -> None:
    with pytest.raises(InvalidRequest, match="expected"):
        client.with_options(**options)  # type: ignore[arg-type]  # that is the point


def test_a_service_that_says_nothing_is_given_up_in_time() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with Client(url, timeout=0.3) as client, pytest.raises(DeadlineExceeded):
            client.jobs.get("j1")
        assert time.monotonic() - began < 3
