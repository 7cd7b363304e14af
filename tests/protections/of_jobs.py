"""The protections of jobs: what keeps an accepted job alive, and alone."""

from removal import Removal

FAULTS = "tests/integration/faults/test_faults.py::"

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
    Removal(
        "a trainer without progress is killed",
        "training/supervisor.py",
        "        if self._has_stalled(watch):",
        "        if False:",
        FAULTS + "TestWatchdogs::test_a_trainer_that_makes_no_progress_is_killed_and_tried_again",
    ),
    Removal(
        "the renewal tells that the time is up",
        "training/supervisor.py",
        "        elif renewal.expired:",
        "        elif False:",
        FAULTS + "TestWatchdogs::test_a_job_that_runs_longer_than_it_may_expires",
    ),
)
