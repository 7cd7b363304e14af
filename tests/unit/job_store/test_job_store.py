"""The life of a job in the store: against the real server, since the steps run inside it."""

import threading
import time
from collections.abc import Callable

import pytest

from modelyard.errors import AlreadyExists, InvalidRequest, NotFound, ResourceExhausted, Unavailable
from modelyard.job import Job, JobRequest, JobState, Reason
from modelyard.job_store import JobStore, Lease, Outcome
from modelyard.journal import Journal

Requests = Callable[..., JobRequest]
Stores = Callable[..., JobStore]

DONE = Outcome(JobState.SUCCEEDED, metrics={"mae": 1.5}, baseline={"mae": 3.0})


def claimed(store: JobStore, worker: str = "w") -> Lease:
    lease = store.claim_next("train", worker)
    assert lease is not None
    return lease


def states(store: JobStore, job: Job) -> list[str]:
    return [e.data["state"] for e in store.events(job.id) if e.event == "state"]


def test_a_job_goes_from_submit_to_succeeded(store: JobStore, a_request: Requests) -> None:
    job = store.submit(a_request())
    lease = claimed(store)
    store.update(
        lease, state=JobState.RUNNING, fields={"epoch": 3}, event="epoch", data={"epoch": 3}
    )
    assert store.allocate_version(lease, "airline", floor=4) == 5
    assert store.grant_publish(lease)
    assert store.finish(lease, DONE)

    ended = store.get(job.id)
    assert (ended.state, ended.version, ended.epoch, ended.attempt) == ("SUCCEEDED", 5, 3, 1)
    assert (ended.metrics, ended.baseline) == ({"mae": 1.5}, {"mae": 3.0})
    assert states(store, job) == ["QUEUED", "STARTING", "RUNNING", "PUBLISHING", "SUCCEEDED"]
    assert [e.event for e in store.events(job.id)][-1] == "end"
    assert ended.started_at is not None
    assert ended.finished_at is not None
    assert ended.created_at <= ended.started_at <= ended.finished_at


def test_watchers_resume_after_the_event_they_saw_last(
    store: JobStore, a_request: Requests
) -> None:
    job = store.submit(a_request())
    lease = claimed(store)
    for epoch in range(5):
        store.update(lease, event="epoch", data={"epoch": epoch})
    seen = store.events(job.id)
    rest = store.events(job.id, after=seen[3].id)
    assert [e.id for e in rest] == [e.id for e in seen[4:]]


class TestSubmit:
    def test_the_same_key_answers_the_first_job(self, store: JobStore, a_request: Requests) -> None:
        first = store.submit(a_request(), key="nightly")
        again = store.submit(a_request(), key="nightly")
        assert again.id == first.id
        assert store.counts()["train", JobState.QUEUED] == 1

    def test_the_same_key_with_another_request_is_refused(
        self, store: JobStore, a_request: Requests
    ) -> None:
        store.submit(a_request(), key="nightly")
        with pytest.raises(AlreadyExists) as refused:
            store.submit(a_request(epochs=11), key="nightly")
        assert refused.value.reason == "IDEMPOTENCY_KEY_REUSED"

    def test_without_a_key_two_submits_are_two_jobs(
        self, store: JobStore, a_request: Requests
    ) -> None:
        assert store.submit(a_request()).id != store.submit(a_request()).id

    def test_twenty_at_once_with_one_key_are_one_job(
        self, new_store: Stores, a_request: Requests
    ) -> None:
        ids: list[str] = []

        def submit() -> None:
            ids.append(new_store().submit(a_request(), key="once").id)

        threads = [threading.Thread(target=submit) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ids) == 20
        assert len(set(ids)) == 1
        assert new_store().counts()["train", JobState.QUEUED] == 1

    def test_too_many_open_jobs_are_refused_and_leave_nothing(
        self, new_store: Stores, a_request: Requests
    ) -> None:
        store = new_store(max_open_jobs=2)
        store.submit(a_request())
        store.submit(a_request())
        with pytest.raises(ResourceExhausted):
            store.submit(a_request())
        assert len(list(store.journal.ids())) == 2


class TestClaim:
    def test_the_oldest_job_is_next(self, store: JobStore, a_request: Requests) -> None:
        jobs = []
        for _ in range(3):
            jobs.append(store.submit(a_request()).id)
            time.sleep(0.002)
        assert [claimed(store).job for _ in range(3)] == jobs
        assert store.claim_next("train", "w") is None

    def test_another_queue_has_its_own_jobs(self, store: JobStore, a_request: Requests) -> None:
        store.submit(a_request(), queue="gpu")
        assert store.claim_next("train", "w") is None
        assert store.claim_next("gpu", "w") is not None

    def test_the_fence_grows_with_every_claim(self, store: JobStore, a_request: Requests) -> None:
        store.submit(a_request())
        fences = []
        for _ in range(3):
            lease = claimed(store)
            fences.append(lease.fence)
            store.release(lease, Reason.PREEMPTED, "drain", is_loss=False)
        assert fences == [1, 2, 3]


class TestFence:
    """What an older holder asks for is refused, whatever it asks for."""

    @pytest.fixture
    def stale(self, new_store: Stores, a_request: Requests) -> tuple[JobStore, Lease, Lease]:
        store = new_store(lease_seconds=0.05)
        store.submit(a_request())
        old = claimed(store, "frozen")
        time.sleep(0.1)
        store.rescue()
        return store, old, claimed(new_store(), "next")

    def test_renewal(self, stale: tuple[JobStore, Lease, Lease]) -> None:
        store, old, new = stale
        assert not store.renew(old).held
        assert store.renew(new).held

    def test_publishing_and_version(self, stale: tuple[JobStore, Lease, Lease]) -> None:
        store, old, _ = stale
        assert not store.grant_publish(old)
        assert store.allocate_version(old, "airline", 0) is None

    def test_finish_update_and_release(self, stale: tuple[JobStore, Lease, Lease]) -> None:
        store, old, new = stale
        assert not store.finish(old, DONE)
        assert not store.update(old, state=JobState.RUNNING)
        assert store.release(old, Reason.WORKER_LOST, "", is_loss=True) is None
        assert store.get(new.job).state is JobState.STARTING

    def test_a_guessed_fence_does_not_help_without_the_owner(
        self, stale: tuple[JobStore, Lease, Lease]
    ) -> None:
        store, old, new = stale
        assert not store.renew(Lease(new.job, new.fence, old.owner)).held

    def test_an_end_is_final(self, store: JobStore, a_request: Requests) -> None:
        job = store.submit(a_request())
        lease = claimed(store)
        assert store.finish(lease, DONE)
        assert not store.finish(lease, Outcome(JobState.FAILED, Reason.INTERNAL))
        assert store.cancel(job.id).state is JobState.SUCCEEDED


class TestVersion:
    def test_every_attempt_gets_the_same_number(self, store: JobStore, a_request: Requests) -> None:
        store.submit(a_request())
        lease = claimed(store)
        first = store.allocate_version(lease, "airline", 0)
        store.release(lease, Reason.PREEMPTED, "", is_loss=False)
        assert store.allocate_version(claimed(store), "airline", 9) == first

    def test_two_jobs_get_two_numbers(self, store: JobStore, a_request: Requests) -> None:
        store.submit(a_request())
        store.submit(a_request())
        numbers = [store.allocate_version(claimed(store), "airline", 0) for _ in range(2)]
        assert numbers == [1, 2]


class TestLosses:
    def lose(self, store: JobStore, checkpoint: int = 0) -> JobState:
        lease = claimed(store)
        if checkpoint:
            store.update(lease, fields={"checkpoint": checkpoint}, event="checkpoint")
        state = store.release(lease, Reason.WORKER_LOST, "killed", is_loss=True)
        assert state is not None
        return state

    def test_losses_without_progress_are_poison(self, store: JobStore, a_request: Requests) -> None:
        job = store.submit(a_request())
        assert [self.lose(store) for _ in range(3)] == ["QUEUED", "QUEUED", "FAILED"]
        assert store.get(job.id).reason is Reason.POISON

    def test_progress_between_losses_forgives_them(
        self, store: JobStore, a_request: Requests
    ) -> None:
        store.submit(a_request())
        assert [self.lose(store, epoch) for epoch in range(1, 8)] == ["QUEUED"] * 7

    def test_a_checkpoint_of_an_earlier_attempt_is_no_progress(
        self, store: JobStore, a_request: Requests
    ) -> None:
        store.submit(a_request())
        assert [self.lose(store, 4) for _ in range(4)] == ["QUEUED", "QUEUED", "QUEUED", "FAILED"]

    def test_a_preempted_attempt_is_no_loss(self, store: JobStore, a_request: Requests) -> None:
        store.submit(a_request())
        for _ in range(5):
            store.release(claimed(store), Reason.PREEMPTED, "drain", is_loss=False)
        assert claimed(store).fence == 6

    def test_only_leases_that_ran_out_are_rescued(
        self, new_store: Stores, a_request: Requests
    ) -> None:
        short, long = new_store(lease_seconds=0.05), new_store()
        dead, alive = short.submit(a_request()), short.submit(a_request())
        claimed(short)
        claimed(long)
        time.sleep(0.1)
        assert short.rescue() == [(dead.id, JobState.QUEUED)]
        assert short.get(alive.id).state is JobState.STARTING


class TestCancel:
    def test_a_waiting_job_ends_at_once(self, store: JobStore, a_request: Requests) -> None:
        job = store.cancel(store.submit(a_request()).id)
        assert (job.state, job.reason) == ("CANCELLED", "USER")
        assert store.claim_next("train", "w") is None

    def test_a_running_job_is_told_by_the_renewal(
        self, store: JobStore, a_request: Requests
    ) -> None:
        job = store.submit(a_request())
        lease = claimed(store)
        assert not store.renew(lease).cancel
        assert store.cancel(job.id).state is JobState.CANCELLING
        assert store.renew(lease).cancel
        assert not store.grant_publish(lease)

    def test_a_worker_that_is_lost_while_it_cancels_ends_the_job(
        self, store: JobStore, a_request: Requests
    ) -> None:
        job = store.submit(a_request())
        lease = claimed(store)
        store.cancel(job.id)
        assert store.release(lease, Reason.WORKER_LOST, "", is_loss=True) is JobState.CANCELLED

    def test_it_comes_too_late_once_publishing_was_granted(
        self, store: JobStore, a_request: Requests
    ) -> None:
        job = store.submit(a_request())
        lease = claimed(store)
        assert store.grant_publish(lease)
        assert store.cancel(job.id).state is JobState.PUBLISHING
        store.release(lease, Reason.WORKER_LOST, "", is_loss=True)
        assert store.cancel(job.id).state is JobState.QUEUED

    def test_an_unknown_job_is_not_found(self, store: JobStore) -> None:
        with pytest.raises(NotFound):
            store.cancel("nobody")


def test_a_job_that_runs_too_long_is_told_so(store: JobStore, a_request: Requests) -> None:
    request = a_request()
    brief = request.model_copy(
        update={"resources": request.resources.model_copy(update={"max_seconds": 1})}
    )
    store.submit(brief)
    lease = claimed(store)
    assert not store.renew(lease).expired
    time.sleep(1.1)
    assert store.renew(lease).expired


class TestRebuild:
    """The server came back empty: `elsewhere` sees none of the keys, only the journal."""

    def test_every_accepted_job_is_known_again(
        self, new_store: Stores, a_request: Requests
    ) -> None:
        store = new_store()
        done, running, waiting, cancelled = (store.submit(a_request(), key=k) for k in "abcd")
        store.cancel(cancelled.id)
        first, second = claimed(store), claimed(store)
        by_job = {first.job: first, second.job: second}
        store.allocate_version(by_job[done.id], "airline", 0)
        store.finish(by_job[done.id], DONE)
        store.allocate_version(by_job[running.id], "airline", 0)

        elsewhere = new_store(prefix="-new")
        assert set(elsewhere.rebuild()) == {done.id, running.id, waiting.id, cancelled.id}
        after = {job: elsewhere.get(job) for job in (done.id, running.id, waiting.id, cancelled.id)}
        assert after[done.id].state is JobState.SUCCEEDED
        assert after[done.id].metrics == {"mae": 1.5}
        assert after[cancelled.id].state is JobState.CANCELLED
        assert after[running.id].state is JobState.QUEUED
        assert after[running.id].version == 2
        assert after[waiting.id].state is JobState.QUEUED

        while (lease := elsewhere.claim_next("train", "w")) is not None:
            if lease.job == running.id:
                assert lease.fence > by_job[running.id].fence
        assert elsewhere.submit(a_request(), key="a").id == done.id
        assert elsewhere.rebuild() == []

    def test_version_numbers_go_on_above_those_of_restored_jobs(
        self, new_store: Stores, a_request: Requests
    ) -> None:
        store = new_store()
        store.submit(a_request())
        store.allocate_version(claimed(store), "airline", 41)
        elsewhere = new_store(prefix="-new")
        elsewhere.rebuild()
        elsewhere.submit(a_request())
        numbers = {
            elsewhere.allocate_version(lease, "airline", 0)
            for lease in (claimed(elsewhere), claimed(elsewhere))
        }
        assert numbers == {42, 43}

    def test_a_job_whose_submit_died_after_the_journal_is_there(
        self, new_store: Stores, a_request: Requests, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = new_store()

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr("modelyard.faults.point", die)
            with pytest.raises(KeyboardInterrupt):
                store.submit(a_request(), key="k")
        (job,) = store.rebuild()
        assert store.submit(a_request(), key="k").id == job

    def test_a_line_that_was_cut_off_is_ignored(self, store: JobStore, a_request: Requests) -> None:
        job = store.submit(a_request())
        claimed(store)
        events = store.journal.root / job.id / "events.jsonl"
        events.write_bytes(events.read_bytes() + b'{"event": "end", "sta')
        entry = Journal(store.journal.root).read(job.id)
        assert entry is not None
        assert (entry.fence, entry.end) == (1, None)


class TestPages:
    def test_pages_hold_every_job_once_newest_first(
        self, store: JobStore, a_request: Requests
    ) -> None:
        jobs = [store.submit(a_request()).id for _ in range(23)]
        seen, token = [], ""
        while True:
            page, token = store.page(limit=5, page_token=token)
            seen += [job.id for job in page]
            assert len(page) <= 5
            if not token:
                break
        assert sorted(seen) == sorted(jobs)
        created = [store.get(job).created_at for job in seen]
        assert created == sorted(created, reverse=True)

    def test_by_state(self, store: JobStore, a_request: Requests) -> None:
        first, second = store.submit(a_request()), store.submit(a_request())
        store.cancel(first.id)
        assert [j.id for j in store.page(state=JobState.QUEUED)[0]] == [second.id]
        assert [j.id for j in store.page(state=JobState.CANCELLED)[0]] == [first.id]

    @pytest.mark.parametrize("token", ["x", "****", "bm90OmE6dG9rZW4", "é"])
    def test_a_strange_token_is_refused(self, store: JobStore, token: str) -> None:
        with pytest.raises(InvalidRequest, match="page_token"):
            store.page(page_token=token)


def test_a_store_that_does_not_answer_is_unavailable(
    tmp_path_factory: pytest.TempPathFactory, a_request: Requests
) -> None:
    gone = JobStore("redis://127.0.0.1:1/0", Journal(tmp_path_factory.mktemp("j")))
    with pytest.raises(Unavailable):
        gone.submit(a_request())
    assert not gone.ping()
