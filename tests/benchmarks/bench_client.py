"""What the client costs who installs nothing else: `make bench-client`.

Builds the wheel with its build isolation, installs it into an empty environment, and measures there: bytes on
disk, packages, CPU seconds of the import, and one prediction by a stack. That is the one that MODELYARD_URL and
MODELYARD_GRPC name, or one that is started for it. Prints a table, and writes build/bench/client.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNS = 6
MOST_CPU_SECONDS = 0.3
HEAVY = {"tensorflow", "keras", "numpy", "pandas", "redis", "pydantic", "fastapi", "celery"}

IMPORT = "import modelyard; modelyard.Client"
CPU = (
    "import resource, subprocess, sys;"
    f"subprocess.run([sys.executable, '-c', {IMPORT!r}], check=True);"
    "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(used.ru_utime + used.ru_stime)"
)
PREDICT = """
import sys, time
from pathlib import Path
import modelyard

image = Path(sys.argv[1])
with modelyard.Client(timeout=60) as client:
    job = client.jobs.submit(Path(sys.argv[2])).wait(timeout=200)
    model = client.model(job.model)
    while not model.is_served():
        time.sleep(0.1)
    print(model.classify(image))
loaded = {name.partition(".")[0] for name in sys.modules}
print(*sorted(loaded & set(sys.argv[3:])), file=sys.stderr)
"""
TINY = """\
name: bench-client
task: {type: image_classification}
dataset: {type: npz, source: "builtin://digits"}
network: {type: dense, units: [16]}
training: {epochs: 2, batch_size: 128}
publish: {model: bench-client, aliases: [stable]}
"""


@dataclass(frozen=True)
class Measured:
    wheel_bytes: int
    installed_bytes: int
    packages: dict[str, str]
    import_cpu_seconds: float
    """Of the best of six fresh processes, the start of Python included."""
    python_cpu_seconds: float
    """The same for a process that imports nothing."""
    answer: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uv", default="uv", help="the program uv")
    uv = parser.parse_args().uv
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured = measure(uv, folder)
    out = ROOT / "build" / "bench" / "client.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(asdict(measured), indent=2) + "\n")
    show(measured)
    if measured.import_cpu_seconds > MOST_CPU_SECONDS:
        print(f"the import costs more than {MOST_CPU_SECONDS} CPU seconds", file=sys.stderr)
        return 1
    return 0


def measure(uv: str, folder: Path) -> Measured:
    say("building the wheel")
    run(uv, "build", "--quiet", "--wheel", "--out-dir", str(folder / "wheel"), str(ROOT))
    [wheel] = (folder / "wheel").glob("*.whl")
    say("installing it into an empty environment")
    environment = folder / "venv"
    python = environment / "bin" / "python"
    run(uv, "venv", "--quiet", "--python", sys.executable, str(environment))
    install = ("pip", "install", "--quiet", "--compile-bytecode", "--python", str(python))
    run(uv, *install, str(wheel))
    listed = json.loads(run(uv, "pip", "list", "--format", "json", "--python", str(python)))
    say("measuring")
    packages = {package["name"]: package["version"] for package in listed}
    assert not HEAVY & set(packages), f"heavy packages came along: {HEAVY & set(packages)}"
    return Measured(
        wheel_bytes=wheel.stat().st_size,
        installed_bytes=sum(f.stat().st_size for f in environment.rglob("*") if f.is_file()),
        packages=packages,
        import_cpu_seconds=cpu_seconds(python, folder, CPU),
        python_cpu_seconds=cpu_seconds(python, folder, CPU.replace(IMPORT, "pass")),
        answer=predict(python, folder),
    )


def cpu_seconds(python: Path, folder: Path, script: str) -> float:
    return round(min(float(run(str(python), "-c", script, cwd=folder)) for _ in range(RUNS)), 3)


def predict(python: Path, folder: Path) -> str:
    request = folder / "tiny.yaml"
    request.write_text(TINY)
    image = ROOT / "examples" / "digits" / "seven.png"
    with stack(folder) as addresses:
        say("one prediction")
        done = subprocess.run(
            [str(python), "-c", PREDICT, str(image), str(request), *HEAVY],
            cwd=folder,
            env={**os.environ, **addresses},
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr
    assert not done.stderr.strip(), f"heavy modules were loaded: {done.stderr}"
    return done.stdout.strip()


@contextmanager
def stack(folder: Path) -> Iterator[dict[str, str]]:
    """The addresses of the stack that the environment names, or of one that is started."""
    if "MODELYARD_URL" in os.environ and "MODELYARD_GRPC" in os.environ:
        yield {}
        return
    say("starting a stack")
    modelyard = (sys.executable, "-m", "modelyard.cli")
    run(*modelyard, "up", "--detach", cwd=folder)
    try:
        state = json.loads((folder / "var" / "run" / "stack.json").read_text())
        yield {"MODELYARD_URL": state["url"], "MODELYARD_GRPC": state["grpc"]}
    finally:
        run(*modelyard, "down", cwd=folder)


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def show(measured: Measured) -> None:
    rows = {
        "wheel": f"{measured.wheel_bytes / 1e6:.2f} MB",
        "installed": f"{measured.installed_bytes / 1e6:.1f} MB",
        "packages": f"{len(measured.packages)}: {', '.join(sorted(measured.packages))}",
        "import": f"{measured.import_cpu_seconds} CPU-s (Python alone {measured.python_cpu_seconds})",
        "prediction": measured.answer,
    }
    for name, value in rows.items():
        print(f"{name:<12}{value}")


def say(what: str) -> None:
    print(f"· {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
