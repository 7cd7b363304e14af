"""Shows that every fault test fails when the protection it tests is removed: `make test-protections`.

Each case changes a copy of the source and runs the test against it. A test that passes all the same is
worth nothing, and is reported.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
FAULTS = "tests/integration/faults/test_faults.py::"


@dataclass(frozen=True)
class Removal:
    """One protection: where it is, what is left without it, and the test that must notice."""

    protection: str
    file: str
    old: str
    new: str
    test: str


REMOVALS = (
    Removal(
        "a lost attempt goes back to the queue",
        "training/supervisor.py",
        "self._release(lease, Reason.WORKER_LOST, message, is_loss=True)",
        "self._finish(lease, Outcome(JobState.FAILED, Reason.WORKER_LOST, message))",
        FAULTS + "TestProcessesThatDie::test_the_trainer_is_killed",
    ),
    Removal(
        "a retry resumes at the last checkpoint",
        "training/checkpoint.py",
        "        for folder in self._newest_first():\n            try:\n                return self._read",
        "        for folder in ():\n            try:\n                return self._read",
        FAULTS + "TestProcessesThatDie::test_the_trainer_is_killed",
    ),
    Removal(
        "leases that ran out are rescued",
        "jobs/reconciler.py",
        "in self._store.rescue():",
        "in ():",
        FAULTS + "TestProcessesThatDie::test_the_whole_worker_is_killed",
    ),
    Removal(
        "the version number is the job's, not the attempt's",
        "job_store.lua",
        "  if version == 0 then",
        "  if true then",
        FAULTS + "TestProcessesThatDie::test_the_trainer_dies_at_the_worst_moment"
        "[publish.before_rename]",
    ),
    Removal(
        "a retry that finds its version only commits",
        "model_store.py",
        "return manifest is not None and manifest.lineage.job == job",
        "return False",
        FAULTS + "TestProcessesThatDie::test_the_worker_dies_between_rename_and_commit",
    ),
    Removal(
        "the journal brings back what the store never heard of",
        "jobs/reconciler.py",
        "        self._rebuild()\n",
        "",
        FAULTS + "TestProcessesThatDie::test_the_api_dies_between_journal_and_store",
    ),
    Removal(
        "losses without progress are counted",
        "job_store.lua",
        "    if losses >= args.max_losses then",
        "    if false then",
        FAULTS + "TestProcessesThatDie::test_a_job_that_dies_at_every_start_is_poison_and_the_queue"
        "_moves_on",
    ),
    Removal(
        "a worker that cannot renew fences itself",
        "training/supervisor.py",
        "return clock() - watch.renewed_at < FENCE_SHARE * self._store.lease_seconds",
        "return True",
        FAULTS + "TestStoreThatGoesAway::test_longer_than_a_lease",
    ),
    Removal(
        "a store that came back empty is rebuilt",
        "jobs/reconciler.py",
        "        if incarnation == self._incarnation:",
        "        if self._incarnation:",
        FAULTS + "TestStoreThatGoesAway::test_for_ever_and_comes_back_empty",
    ),
    Removal(
        "a claim takes the job out of the queue",
        "job_store.lua",
        "    if get(id, 'state') == 'QUEUED' then\n      redis.call('HINCRBY'",
        "    redis.call('ZADD', key('queue', args.queue), 1, id)\n    if true then\n"
        "      redis.call('HINCRBY'",
        FAULTS + "TestDoorbell::test_rung_six_times_for_one_job",
    ),
    Removal(
        "doorbells are rung again",
        "jobs/reconciler.py",
        "        self._ring()\n",
        "",
        FAULTS + "TestDoorbell::test_lost_without_a_trace",
    ),
    Removal(
        "an idempotency key is remembered",
        "job_store.py",
        'hashed = hashlib.sha256(key.encode()).hexdigest() if key else ""',
        'hashed = ""',
        FAULTS + "test_submitted_many_times_at_once_with_one_key",
    ),
    Removal(
        "a cancelled job that waits leaves the queue",
        "job_store.lua",
        "  if state == 'QUEUED' then\n    set(id, 'cancel', 1)",
        "  if false then\n    set(id, 'cancel', 1)",
        FAULTS + "TestCancel::test_while_it_waits",
    ),
    Removal(
        "the renewal carries cancel",
        "training/supervisor.py",
        "        if renewal.cancel:",
        "        if False:",
        FAULTS + "TestCancel::test_while_it_runs_keeps_a_checkpoint",
    ),
    Removal(
        "an end is final",
        "job_store.lua",
        "  if TERMINAL[state] or get(id, 'granted') then return {taken = false} end\n",
        "",
        FAULTS + "TestCancel::test_after_it_has_ended_changes_nothing",
    ),
    Removal(
        "an older holder is refused",
        "job_store.lua",
        "  return get(id, 'owner') == args.owner and number(id, 'fence') == args.fence and not",
        "  return not",
        FAULTS + "TestFrozen::test_a_worker_past_its_lease_is_fenced_out",
    ),
    Removal(
        "SIGTERM reaches the trainer",
        "training/supervisor.py",
        "        if self._is_stopping():",
        "        if False:",
        FAULTS + "TestDrain::test_sigterm_hands_the_job_over_with_a_checkpoint",
    ),
)


def main() -> int:
    results = [check(removal) for removal in chosen(sys.argv[1:])]
    out = ROOT / "build/bench/protections.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(results, indent=2) + "\n")
    missed = [result for result in results if not result["noticed"]]
    print(f"{len(results) - len(missed)} passed, {len(missed)} failed")
    return bool(missed)


def chosen(words: list[str]) -> list[Removal]:
    """All, or those whose description or test has one of the words."""
    return [r for r in REMOVALS if not words or any(w in r.protection + r.test for w in words)]


def check(removal: Removal) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "services"
        shutil.copytree(ROOT / "services", copy)
        without(copy / "modelyard" / removal.file, removal)
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", removal.test],
            cwd=ROOT,
            env=os.environ | {"YARD_SERVICES": str(copy), "YARD_PATIENCE_SECONDS": "25"},
            capture_output=True,
            text=True,
            check=False,
        )
    noticed = run.returncode == 1
    print(f"{'noticed' if noticed else 'NOT NOTICED':12} {removal.protection}", flush=True)
    why = [line for line in run.stdout.splitlines() if line.startswith("E ")][:2]
    print("".join(f"{'':13}{line[2:].strip()[:140]}\n" for line in why), end="", flush=True)
    return {"protection": removal.protection, "test": removal.test, "noticed": noticed}


def without(file: Path, removal: Removal) -> None:
    source = file.read_text()
    if source.count(removal.old) != 1:
        raise SystemExit(f"{removal.protection}: {file.name} does not hold it once")
    file.write_text(source.replace(removal.old, removal.new))


if __name__ == "__main__":
    raise SystemExit(main())
