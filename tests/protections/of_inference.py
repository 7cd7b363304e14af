"""The protections of the inference service: what keeps every caller answered."""

from removal import Removal

DOOR = "tests/integration/inference/test_inference_door.py::"
SWAP = "tests/integration/inference/test_hot_swap.py::"
UNIT = "tests/unit/inference/"

REMOVALS = (
    Removal(
        "a version is unloaded only when the wanted one is available",
        "inference/policy.py",
        "    return [*(load for _, load in sorted(loads, key=lambda pair: pair[0])), *unloads]",
        "    gone = [k for k in snapshot.available if k[1] not in _wanted(snapshot, k[0], keep_loaded)]\n"
        "    return [*(Unload(*key) for key in gone), *(load for _, load in loads)]",
        SWAP + "test_twenty_hot_swaps_under_load_without_one_failed_call",
        in_test=True,
    ),
    Removal(
        "calls hold the version that they use",
        "inference/model_manager.py",
        "            version.hold()\n        try:\n            yield version\n        finally:\n"
        "            version.let_go()",
        "            pass\n        yield version",
        UNIT + "test_model_manager.py::"
        "test_the_old_version_is_unloaded_after_the_last_call_that_uses_it",
        in_test=True,
    ),
    Removal(
        "series of unloaded versions are dropped",
        "inference/model_manager.py",
        "            self._entries[key] = Entry(State.END)\n            self._metrics.drop(*key)",
        "            self._entries[key] = Entry(State.END)",
        SWAP + "test_twenty_hot_swaps_under_load_without_one_failed_call",
        in_test=True,
    ),
    Removal(
        "an alias stays where it was until the new version is available",
        "inference/policy.py",
        "    return answered | moved",
        "    return dict(aliases)",
        SWAP + "test_an_alias_moves_without_a_gap",
        in_test=True,
    ),
    Removal(
        "digests are compared before a version is loaded",
        "inference/model_manager.py",
        "        self._check_files(name, version)\n",
        "",
        SWAP + "test_a_corrupt_version_is_quarantined_and_its_neighbours_serve",
        in_test=True,
    ),
    Removal(
        "an unreadable directory changes nothing",
        "inference/model_manager.py",
        "if self._entries and not self._store.root.is_dir():",
        "if False:",
        SWAP + "test_a_lost_model_directory_changes_nothing",
        in_test=True,
    ),
    Removal(
        "rows that know of one another share no batch",
        "inference/model_manager.py",
        "(is_ours or self_test.rows_are_independent(runtime, name, spec))",
        "True",
        SWAP + "test_savedmodels_from_elsewhere_are_served",
        in_test=True,
    ),
    Removal(
        "a failed batch is run again call by call",
        "inference/batcher.py",
        "                self._answer_alone(items, error)",
        "                [item.fail(error) for item in items]",
        DOOR + "test_one_bad_row_never_fails_its_neighbours",
        in_test=True,
    ),
    Removal(
        "queues are bounded",
        "inference/batcher.py",
        "if waiting and waiting + item.weight > self._limits.queue_rows:",
        "if False:",
        DOOR + "test_a_full_queue_says_when_to_come_again",
        in_test=True,
    ),
    Removal(
        "calls beyond the bound are turned away",
        "inference/interceptors.py",
        "        if self._pool.is_full:",
        "        if False:",
        DOOR + "test_too_many_calls_are_turned_away_and_health_still_answers",
        in_test=True,
    ),
    Removal(
        "health has threads of its own",
        "inference/health.py",
        "        check.experimental_thread_pool = self._threads  #",
        "        pass  #",
        DOOR + "test_too_many_calls_are_turned_away_and_health_still_answers",
        in_test=True,
    ),
    Removal(
        "bytes in flight are bounded",
        "inference/byte_budget.py",
        "        if size > self._limit:",
        "        if False:",
        DOOR + "test_bytes_in_flight_are_bounded",
        in_test=True,
    ),
    Removal(
        "those who left are dropped from the queue",
        "inference/batcher.py",
        "            reason = item.lost(0.0)",
        "            reason = None",
        DOOR + "test_nobody_works_for_those_who_left",
        in_test=True,
    ),
    Removal(
        "deserializers never raise",
        "inference/interceptors.py",
        "except (DecodeError, ValueError) as error:",
        "except ZeroDivisionError as error:",
        DOOR + "test_malformed_messages_are_invalid_arguments",
        in_test=True,
    ),
    Removal(
        "SIGTERM lets calls in flight end",
        "inference/server.py",
        "stopped = self._grpc.stop(self._settings.grace_seconds)",
        "stopped = self._grpc.stop(None)",
        DOOR + "test_sigterm_ends_after_the_calls_in_flight",
        in_test=True,
    ),
    Removal(
        "reflection can be switched off",
        "inference/server.py",
        "        if settings.reflection:",
        "        if True:",
        DOOR + "test_reflection_can_be_switched_off",
        in_test=True,
    ),
)
