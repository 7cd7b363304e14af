"""Shows that every fault test fails when the protection it tests is removed.

    make test-protections                        all of them: about a quarter of an hour
    python tests/protections [WORD...]           those whose description or test has one of the words

Each case changes a copy of the source and runs the test against it. A test that passes all the same is
worth nothing, and is reported.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import of_inference
import of_jobs
from removal import Removal

ROOT = Path(__file__).parents[2]
REMOVALS = (*of_jobs.REMOVALS, *of_inference.REMOVALS)


def main() -> int:
    results = [check(removal) for removal in chosen(sys.argv[1:])]
    out = ROOT / "build/bench/protections.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(results, indent=2) + "\n")
    missed = [result for result in results if not result["noticed"]]
    print(f"{len(results) - len(missed)} passed, {len(missed)} failed")
    return bool(missed)


def chosen(words: list[str]) -> list[Removal]:
    return [r for r in REMOVALS if not words or any(w in r.protection + r.test for w in words)]


def check(removal: Removal) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "services"
        shutil.copytree(ROOT / "services", copy)
        remove(copy / "modelyard" / removal.file, removal)
        where = "PYTHONPATH" if removal.in_test else "YARD_SERVICES"
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", removal.test],
            cwd=ROOT,
            env=os.environ | {where: str(copy), "YARD_PATIENCE_SECONDS": "25"},
            capture_output=True,
            text=True,
            check=False,
        )
    noticed = run.returncode == 1
    print(f"{'noticed' if noticed else 'NOT NOTICED':12} {removal.protection}", flush=True)
    why = [line for line in run.stdout.splitlines() if line.startswith("E ")][:2]
    print("".join(f"{'':13}{line[2:].strip()[:140]}\n" for line in why), end="", flush=True)
    return {"protection": removal.protection, "test": removal.test, "noticed": noticed}


def remove(file: Path, removal: Removal) -> None:
    source = file.read_text()
    if source.count(removal.old) != 1:
        raise SystemExit(f"{removal.protection}: {file.name} does not hold it once")
    file.write_text(source.replace(removal.old, removal.new))


if __name__ == "__main__":
    raise SystemExit(main())
