"""Every fault that a job must survive: it ends, at most one version becomes visible, nothing is lost."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx2
import psutil
import pytest

from modelyard.job_queue import RING, make_app

if TYPE_CHECKING:
    from conftest import Yard

LEASE_SECONDS = 3.0
ATTEMPT_SECONDS = 300

pytestmark = pytest.mark.timeout(ATTEMPT_SECONDS)


def test_nothing_goes_wrong(yard: "Yard") -> None:
    yard.start_api()
    yard.start_worker()
    record = yard.check_promises(yard.submit())
    assert (record["state"], record["attempt"], record["version"]) == ("SUCCEEDED", 1, 1)
    assert record["metrics"]["accuracy"] > record["baseline"]["accuracy"]
    assert yard.models.aliases("digits") == {"stable": 1}


class TestProcessesThatDie:
    def test_the_trainer_is_killed(self, yard: "Yard") -> None:
        yard.start_api()
        worker = yard.start_worker()
        job = yard.submit()
        yard.until_epoch(job, 2)
        trainer = worker.trainer()
        assert trainer is not None
        trainer.kill()
        record = yard.check_promises(job, epochs_redone=1)
        assert (record["state"], record["attempt"]) == ("SUCCEEDED", 2)

    def test_the_whole_worker_is_killed(self, yard: "Yard") -> None:
        yard.start_api()
        worker = yard.start_worker()
        job = yard.submit()
        yard.until_epoch(job, 2)
        family = worker.tree()
        assert worker.trainer() is not None
        worker.signal(signal.SIGKILL)
        # Nobody outlives its parent, or the GPU would stay taken.
        assert psutil.wait_procs(family, timeout=5)[1] == []
        yard.start_worker()
        record = yard.check_promises(job, epochs_redone=1)
        assert (record["state"], record["attempt"]) == ("SUCCEEDED", 2)

    def test_the_worker_dies_between_claim_and_start(self, yard: "Yard") -> None:
        yard.start_api()
        yard.start_worker(fault="worker.after_claim:kill")
        job = yard.submit()
        yard.until(yard.fault_happened, "the worker was killed")
        record = yard.check_promises(job)
        assert (record["state"], record["attempt"]) == ("SUCCEEDED", 2)

    @pytest.mark.parametrize(
        "point", ["checkpoint.before_rename", "publish.before_rename", "publish.after_rename"]
    )
    def test_the_trainer_dies_at_the_worst_moment(self, yard: "Yard", point: str) -> None:
        yard.start_api()
        yard.start_worker(fault=f"{point}:kill")
        record = yard.check_promises(yard.submit(), epochs_redone=1)
        assert yard.fault_happened()
        assert record["state"] == "SUCCEEDED"
        assert record["version"] == 1

    def test_the_worker_dies_between_rename_and_commit(self, yard: "Yard") -> None:
        yard.start_api()
        yard.start_worker(fault="commit.before_finish:kill")
        job = yard.submit()
        yard.until(yard.fault_happened, "the worker was killed")
        assert yard.models.versions("digits") == [1]
        assert not yard.job(job)["terminal"]
        yard.start_worker()
        record = yard.check_promises(job)
        assert (record["state"], record["attempt"], record["version"]) == ("SUCCEEDED", 2, 1)

    def test_the_api_dies_between_journal_and_store(self, yard: "Yard") -> None:
        fault = f"submit.after_journal:kill:{yard.folder / 'fault-happened'}"
        api = yard.start_api(fault=fault)
        with pytest.raises(httpx2.HTTPError):
            yard.submit(key="once")
        api.wait()
        yard.start_api()
        yard.start_worker()
        (job,) = yard.journal.ids()
        assert yard.check_promises(job)["state"] == "SUCCEEDED"
        assert yard.submit(key="once") == job

    def test_a_job_that_dies_at_every_start_is_poison_and_the_queue_moves_on(
        self, yard: "Yard"
    ) -> None:
        yard.start_api()
        worker = yard.start_worker()
        poison = yard.submit()

        def shoot() -> bool:
            trainer = worker.trainer()
            if trainer is not None and not yard.job(poison)["epoch"]:
                trainer.kill()
            return bool(yard.job(poison)["terminal"])

        yard.until(shoot, "the job is poison")
        record = yard.check_promises(poison)
        assert (record["state"], record["reason"], record["attempt"]) == ("FAILED", "POISON", 3)
        assert yard.check_promises(yard.submit())["state"] == "SUCCEEDED"


class TestStoreThatGoesAway:
    def test_shorter_than_a_lease(self, yard: "Yard") -> None:
        yard.start_api()
        yard.start_worker()
        job = yard.submit()
        yard.until_epoch(job, 2)
        yard.redis.stop()
        time.sleep(1)
        yard.redis.start()
        record = yard.check_promises(job)
        assert (record["state"], record["attempt"]) == ("SUCCEEDED", 1)

    def test_longer_than_a_lease(self, yard: "Yard") -> None:
        yard.start_api()
        worker = yard.start_worker()
        job = yard.submit()
        yard.until_epoch(job, 2)
        yard.redis.stop()
        # The worker fences itself before the lease can pass to another.
        yard.until(lambda: worker.trainer() is None, "the trainer is gone", LEASE_SECONDS)
        time.sleep(LEASE_SECONDS)
        yard.redis.start()
        record = yard.check_promises(job, epochs_redone=1)
        assert (record["state"], record["attempt"]) == ("SUCCEEDED", 2)

    def test_for_ever_and_comes_back_empty(self, yard: "Yard") -> None:
        yard.start_api()
        worker = yard.start_worker()
        running = yard.submit()
        waiting = [yard.submit() for _ in range(2)]
        yard.until_epoch(running, 2)
        yard.redis.kill()
        for file in (yard.folder / "redis").rglob("*"):
            if file.is_file():
                file.unlink()
        yard.until(lambda: worker.trainer() is None, "the trainer is gone")
        yard.redis.start()
        for job in [running, *waiting]:
            assert yard.check_promises(job, epochs_redone=1)["state"] == "SUCCEEDED"
        assert yard.models.versions("digits") == [1, 2, 3]


class TestDoorbell:
    def test_rung_six_times_for_one_job(self, yard: "Yard") -> None:
        yard.start_api()
        app = make_app(yard.redis.url)
        job = yard.submit()
        for _ in range(6):
            app.send_task(RING, queue="train")
        yard.start_worker()
        yard.start_worker()
        record = yard.check_promises(job)
        assert (record["state"], record["attempt"]) == ("SUCCEEDED", 1)

    def test_lost_without_a_trace(self, yard: "Yard") -> None:
        yard.start_api()
        job = yard.submit()
        with make_app(yard.redis.url).connection_for_write() as connection:
            connection.default_channel.client.delete("train")
        yard.start_worker()
        assert yard.check_promises(job)["state"] == "SUCCEEDED"


def test_submitted_many_times_at_once_with_one_key(yard: "Yard") -> None:
    yard.start_api()
    yard.start_worker()
    with ThreadPoolExecutor(8) as pool:
        jobs = set(pool.map(lambda _: yard.submit(key="nightly"), range(16)))
    (job,) = jobs
    assert yard.check_promises(job)["state"] == "SUCCEEDED"
    assert yard.submit(key="nightly") == job
    assert yard.models.versions("digits") == [1]


class TestCancel:
    def cancel(self, yard: "Yard", job: str) -> dict[str, object]:
        answer = yard.client.post(f"/v1/jobs/{job}/cancel")
        assert answer.status_code == 200
        record: dict[str, object] = answer.json()
        return record

    def test_while_it_waits(self, yard: "Yard") -> None:
        yard.start_api()
        job = yard.submit()
        assert self.cancel(yard, job)["state"] == "CANCELLED"
        yard.start_worker()
        after = yard.check_promises(yard.submit())
        assert after["state"] == "SUCCEEDED"
        assert yard.job(job)["attempt"] == 0

    def test_while_it_runs_keeps_a_checkpoint(self, yard: "Yard") -> None:
        yard.start_api()
        worker = yard.start_worker()
        job = yard.submit(yard.digits | {"training": {"epochs": 5000}})
        yard.until_epoch(job, 2)
        assert self.cancel(yard, job)["state"] == "CANCELLING"
        record = yard.check_promises(job)
        assert (record["state"], record["reason"]) == ("CANCELLED", "USER")
        assert record["epoch"] < 5000
        assert worker.trainer() is None
        assert list((yard.folder / "home/work" / job / "checkpoint").iterdir())

    def test_after_it_has_ended_changes_nothing(self, yard: "Yard") -> None:
        yard.start_api()
        yard.start_worker()
        job = yard.submit()
        yard.check_promises(job)
        assert self.cancel(yard, job)["state"] == "SUCCEEDED"
        assert yard.check_promises(job)["state"] == "SUCCEEDED"


class TestFrozen:
    def test_a_worker_past_its_lease_is_fenced_out(self, yard: "Yard") -> None:
        yard.start_api()
        first = yard.start_worker()
        job = yard.submit()
        yard.until_epoch(job, 2)
        frozen = first.freeze()
        trainer = next(p for p in frozen if "modelyard.training.trainer" in p.cmdline())
        yard.start_worker()
        yard.until(lambda: yard.job(job)["attempt"] == 2, "the other worker has the job")
        for process in frozen:
            process.resume()
        psutil.wait_procs([trainer], timeout=5)
        assert not trainer.is_running()
        record = yard.check_promises(job, epochs_redone=1)
        assert (record["state"], record["attempt"]) == ("SUCCEEDED", 2)
        assert first.running()

    def test_a_trainer_frozen_right_before_it_renames_publishes_nothing_new(
        self, yard: "Yard"
    ) -> None:
        yard.start_api()
        first = yard.start_worker(fault="publish.before_rename:stop")
        job = yard.submit()
        yard.until(yard.fault_happened, "the trainer stopped itself")
        frozen = first.freeze()
        yard.start_worker()
        record = yard.until_ended(job)
        assert record["state"] == "SUCCEEDED"
        for process in frozen:
            process.resume()
        time.sleep(1)
        yard.check_promises(job)


class TestWatchdogs:
    def test_a_trainer_that_makes_no_progress_is_killed_and_tried_again(self, yard: "Yard") -> None:
        yard.start_api()
        worker = yard.start_worker(stall_seconds="12")
        job = yard.submit()
        yard.until_epoch(job, 2)
        trainer = worker.trainer()
        assert trainer is not None
        trainer.suspend()
        yard.until(lambda: yard.job(job)["attempt"] == 2, "the job is tried again")
        assert not trainer.is_running()
        reasons = [data["reason"] for kind, data in yard.events_so_far(job) if kind == "state"]
        assert "STALLED" in reasons
        record = yard.check_promises(job, epochs_redone=1)
        assert (record["state"], record["attempt"]) == ("SUCCEEDED", 2)

    def test_a_job_that_runs_longer_than_it_may_expires(self, yard: "Yard") -> None:
        yard.start_api()
        worker = yard.start_worker()
        endless = yard.digits | {
            "training": {"epochs": 10_000, "batch_size": 4},
            "resources": {"max_seconds": 6},
        }
        record = yard.check_promises(yard.submit(endless))
        assert (record["state"], record["reason"]) == ("EXPIRED", "DEADLINE")
        assert worker.trainer() is None
        assert yard.models.versions("digits") == []


class TestDrain:
    def test_sigterm_hands_the_job_over_with_a_checkpoint(self, yard: "Yard") -> None:
        yard.start_api()
        first = yard.start_worker()
        job = yard.submit()
        yard.until_epoch(job, 2)
        first.signal(signal.SIGTERM)
        first.wait(20)
        assert yard.job(job)["reason"] == "PREEMPTED"
        yard.start_worker()
        record = yard.check_promises(job)
        assert (record["state"], record["attempt"]) == ("SUCCEEDED", 2)

    def test_sigterm_while_the_trainer_starts_is_no_loss(self, yard: "Yard") -> None:
        yard.start_api()
        first = yard.start_worker()
        job = yard.submit()
        yard.until(first.trainer, "the trainer starts")
        first.signal(signal.SIGTERM)
        first.wait(20)
        record = yard.job(job)
        assert (record["state"], record["losses"]) == ("QUEUED", 0)
        yard.start_worker()
        assert yard.check_promises(job)["state"] == "SUCCEEDED"
