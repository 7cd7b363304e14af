"""Shows that every fault test of the inference service fails without the protection that it tests.

    python tests/integration/inference/protections.py [WORD...]

Each case changes a copy of the source and runs the test against it. A test that passes all the same is
worth nothing, and is reported.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOOR = "tests/integration/inference/test_inference_door.py::"
SWAP = "tests/integration/inference/test_hot_swap.py::"
UNIT = "tests/unit/inference/"


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
        "a version is unloaded only when the wanted one is available",
        "policy.py",
        "    return [*(load for _, load in sorted(loads, key=lambda pair: pair[0])), *unloads]",
        "    gone = [k for k in snapshot.available if k[1] not in _wanted(snapshot, k[0], keep_loaded)]\n"
        "    return [*(Unload(*key) for key in gone), *(load for _, load in loads)]",
        SWAP + "test_twenty_hot_swaps_under_load_without_one_failed_call",
    ),
    Removal(
        "calls hold the version that they use",
        "model_manager.py",
        "            version.hold()\n        try:\n            yield version\n        finally:\n"
        "            version.let_go()",
        "            pass\n        yield version",
        UNIT + "test_model_manager.py::"
        "test_the_old_version_is_unloaded_after_the_last_call_that_uses_it",
    ),
    Removal(
        "series of unloaded versions are dropped",
        "model_manager.py",
        "            self._entries[key] = Entry(State.END)\n            self._metrics.drop(*key)",
        "            self._entries[key] = Entry(State.END)",
        SWAP + "test_twenty_hot_swaps_under_load_without_one_failed_call",
    ),
    Removal(
        "an alias stays where it was until the new version is available",
        "policy.py",
        "    return answered | moved",
        "    return dict(aliases)",
        SWAP + "test_an_alias_moves_without_a_gap",
    ),
    Removal(
        "digests are compared before a version is loaded",
        "model_manager.py",
        "        self._check_files(name, version)\n",
        "",
        SWAP + "test_a_corrupt_version_is_quarantined_and_its_neighbours_serve",
    ),
    Removal(
        "an unreadable directory changes nothing",
        "model_manager.py",
        "if self._entries and not self._store.root.is_dir():",
        "if False:",
        SWAP + "test_a_lost_model_directory_changes_nothing",
    ),
    Removal(
        "rows that know of one another share no batch",
        "model_manager.py",
        "(is_ours or self_test.rows_are_independent(runtime, name, spec))",
        "True",
        SWAP + "test_savedmodels_from_elsewhere_are_served",
    ),
    Removal(
        "a failed batch is run again call by call",
        "batcher.py",
        "                self._answer_alone(items, error)",
        "                [item.fail(error) for item in items]",
        DOOR + "test_one_bad_row_never_fails_its_neighbours",
    ),
    Removal(
        "queues are bounded",
        "batcher.py",
        "if waiting and waiting + item.weight > self._limits.queue_rows:",
        "if False:",
        DOOR + "test_a_full_queue_says_when_to_come_again",
    ),
    Removal(
        "calls beyond the bound are turned away",
        "interceptors.py",
        "        if self._pool.is_full:",
        "        if False:",
        DOOR + "test_too_many_calls_are_turned_away_and_health_still_answers",
    ),
    Removal(
        "health has threads of its own",
        "health.py",
        "        check.experimental_thread_pool = self._threads  #",
        "        pass  #",
        DOOR + "test_too_many_calls_are_turned_away_and_health_still_answers",
    ),
    Removal(
        "bytes in flight are bounded",
        "byte_budget.py",
        "        if size > self._limit:",
        "        if False:",
        DOOR + "test_bytes_in_flight_are_bounded",
    ),
    Removal(
        "those who left are dropped from the queue",
        "batcher.py",
        "            reason = item.lost(0.0)",
        "            reason = None",
        DOOR + "test_nobody_works_for_those_who_left",
    ),
    Removal(
        "deserializers never raise",
        "interceptors.py",
        "except (DecodeError, ValueError) as error:",
        "except ZeroDivisionError as error:",
        DOOR + "test_malformed_messages_are_invalid_arguments",
    ),
    Removal(
        "SIGTERM lets calls in flight end",
        "server.py",
        "stopped = self._grpc.stop(self._settings.grace_seconds)",
        "stopped = self._grpc.stop(None)",
        DOOR + "test_sigterm_ends_after_the_calls_in_flight",
    ),
    Removal(
        "reflection can be switched off",
        "server.py",
        "        if settings.reflection:",
        "        if True:",
        DOOR + "test_reflection_can_be_switched_off",
    ),
)


def main() -> int:
    words = sys.argv[1:]
    chosen = [r for r in REMOVALS if not words or any(w in r.protection + r.test for w in words)]
    missed = [removal for removal in chosen if not is_noticed(removal)]
    print(f"{len(chosen) - len(missed)} noticed, {len(missed)} not")
    return bool(missed)


def is_noticed(removal: Removal) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "services"
        shutil.copytree(ROOT / "services", copy)
        file = copy / "modelyard" / "inference" / removal.file
        source = file.read_text()
        if source.count(removal.old) != 1:
            raise SystemExit(f"{removal.protection}: {file.name} does not hold it once")
        file.write_text(source.replace(removal.old, removal.new))
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", removal.test],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            check=False,
        )
    noticed = run.returncode == 1
    print(f"{'noticed' if noticed else 'NOT NOTICED':12} {removal.protection}", flush=True)
    why = [line for line in run.stdout.splitlines() if line.startswith("E ")][:2]
    print("".join(f"{'':13}{line[2:].strip()[:140]}\n" for line in why), end="", flush=True)
    return noticed


if __name__ == "__main__":
    raise SystemExit(main())
