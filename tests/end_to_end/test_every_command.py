"""What one does after the first day: look into things, repeat and change jobs, move aliases, score files, call by name."""

import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.timeout(240)

ROOT = Path(__file__).parents[2]
TABLE = """\
name: table
task: {type: tabular_regression, target: rings}
dataset: {type: csv, source: "builtin://abalone"}
network: {type: dense, units: [8]}
training: {epochs: 1, batch_size: 256}
publish: {model: table}
"""
ROW = "M,0.455,0.365,0.095,0.514,0.2245,0.101,0.15,15"
HEADER = "sex,length,diameter,height,whole_weight,shucked_weight,viscera_weight,shell_weight,rings"


@pytest.fixture(scope="module")
def digits(shell: Any) -> dict[str, Any]:
    """The job that published version 1 of the model `digits`."""
    done = shell("train", shell.request("digits"), "-q", "-o", "json")
    assert done.returncode == 0, done.stderr
    job: dict[str, Any] = json.loads(done.stdout)
    return job


@pytest.fixture(scope="module")
def table(shell: Any) -> str:
    (shell.folder / "table.yaml").write_text(TABLE)
    done = shell("train", "table.yaml", "-q", "-o", "name")
    assert done.returncode == 0, done.stderr
    return "table"


@pytest.fixture(scope="module")
def dataset(shell: Any) -> str:
    (shell.folder / "points.csv").write_text("x,y\n1,a\n2,b\n3,a\n")
    done = shell("datasets", "add", "points.csv", "-o", "json")
    assert done.returncode == 0, done.stderr
    sent = json.loads(done.stdout)
    assert sent["bytes"] == 16
    return str(sent["uri"])


@pytest.mark.parametrize(
    "command",
    [
        "status",
        "jobs list",
        "jobs get {job}",
        "jobs watch {job}",
        "jobs wait {job}",
        "jobs metrics {job}",
        "logs {job}",
        "logs -f {job}",
        "models list",
        "models get digits",
        "models get digits --version 1",
        "datasets list",
        "datasets get {dataset}",
        "datasets schema {dataset} --type csv",
        "datasets preview {dataset} --type csv",
        "workers list",
        "validate digits.yaml",
        "train digits.yaml --dry-run",
        "jobs clone {job} --set training.epochs=3 --dry-run",
        "explain training",
        "templates",
        "templates digits",
        "context list",
        "config view",
        "call",
        "call VisionService",
    ],
)
def test_json_is_one_document_and_yaml_says_the_same(
    shell: Any, digits: dict[str, Any], dataset: str, command: str
) -> None:
    arguments = command.format(job=digits["id"], dataset=dataset).split()
    as_json = shell(*arguments, "-o", "json")
    assert as_json.returncode == 0, as_json.stderr
    as_yaml = shell(*arguments, "-o", "yaml")
    assert steady(yaml.safe_load(as_yaml.stdout)) == steady(json.loads(as_json.stdout))

    for form in ("table", "jsonl", "name"):
        done = shell(*arguments, "-o", form)
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        assert done.stdout or command == "context list" or command.startswith("jobs w")
        if form == "jsonl":
            assert all(json.loads(line) for line in done.stdout.splitlines())


def steady(value: Any) -> Any:
    """Without what is another thing at every look."""
    if isinstance(value, list):
        return [steady(part) for part in value]
    if isinstance(value, dict):
        moving = {"heartbeat", "last_seen", "seen_at", "last_seen_at", "beat_at", "seconds_ago"}
        return {name: steady(part) for name, part in value.items() if name not in moving}
    return value


def test_a_job_is_repeated_with_changes(shell: Any, digits: dict[str, Any]) -> None:
    changed = shell(
        *("jobs", "clone", digits["id"], "--set", "training.epochs=1"),
        *("--set", "publish.model=cloned", "--watch", "-o", "json"),
    )
    assert changed.returncode == 0, changed.stderr
    job = json.loads(changed.stdout)
    assert (job["parent"], job["model"], job["epochs"]) == (digits["id"], "cloned", 1)

    wrong = shell("jobs", "clone", digits["id"], "--set", "training.epochs=0")
    assert wrong.returncode == 2
    assert "training.epochs" in wrong.stderr

    again = shell("jobs", "retry", job["id"], "-o", "name")
    assert again.returncode == 0, again.stderr
    assert shell("jobs", "wait", again.stdout.strip()).returncode == 0


def test_every_way_to_wait_ends_with_the_code_of_the_job(
    shell: Any, digits: dict[str, Any]
) -> None:
    """A network whose weights explode: the loss is no number."""
    failed = shell(
        *("jobs", "clone", digits["id"], "--set", "training.optimizer.learning_rate=1e30"),
        *("--set", "publish.model=exploded", "-o", "name"),
    ).stdout.strip()
    for command in (("jobs", "wait"), ("jobs", "watch"), ("logs", "-f"), ("jobs", "logs", "-f")):
        done = shell(*command, failed)
        assert done.returncode == 1, (command, done.stderr)
        assert "NAN_LOSS" in done.stderr
    assert shell("logs", "-f", digits["id"]).returncode == 0

    lines = shell("logs", failed).stdout
    assert shell("logs", "-f", failed).stdout == lines
    assert '"event": "failed"' in lines


def test_logs_go_on_over_a_restart_of_the_service(shell: Any) -> None:
    job = shell("train", shell.request("restarted", epochs=2000), "-d").stdout.strip()
    follower = shell.start("logs", "-f", job)
    first = follower.stdout.readline()
    assert first

    os.kill(pid_of(shell, "jobs"), signal.SIGKILL)
    wait_until_ready(shell)
    assert shell("jobs", "cancel", job).returncode == 0
    rest, said = follower.stdout.read(), follower.stderr.read()

    assert follower.wait(60) == 8, said
    follower.stdout.close()
    follower.stderr.close()
    assert "Traceback" not in said
    assert first + rest == shell("logs", job).stdout


def test_an_interrupted_follower_leaves_the_job_alone(shell: Any) -> None:
    job = shell("train", shell.request("followed", epochs=2000), "-d").stdout.strip()
    follower = shell.start("logs", "-f", job)
    assert follower.stdout.readline()
    follower.send_signal(signal.SIGINT)
    _, said = follower.communicate(timeout=20)
    assert follower.returncode == 130
    assert f"job {job} goes on" in said
    assert shell("jobs", "cancel", job).returncode == 0
    assert shell("jobs", "wait", job).returncode == 8


def test_an_alias_is_moved_and_guards_its_version(shell: Any, digits: dict[str, Any]) -> None:
    assert shell("models", "alias", "digits", "champion", "1").returncode == 0
    aliases = json.loads(shell("models", "get", "digits", "-o", "json").stdout)["aliases"]
    assert aliases == {"champion": 1, "stable": 1}

    kept = shell("models", "delete", "digits", "--version", "1", "--yes")
    assert kept.returncode == 1
    assert "VERSION_HAS_ALIAS" in kept.stderr
    assert shell("models", "alias", "digits", "champion", "99").returncode == 3

    assert shell("models", "unalias", "digits", "champion").returncode == 0
    aliases = json.loads(shell("models", "get", "digits", "-o", "json").stdout)["aliases"]
    assert aliases == {"stable": 1}


def test_a_version_that_nobody_names_is_deleted(shell: Any, table: str) -> None:
    (shell.folder / "doomed.yaml").write_text(TABLE.replace("model: table", "model: doomed"))
    assert shell("train", "doomed.yaml", "-q").returncode == 0
    asked = shell("models", "delete", "doomed", "--version", "1", stdin="n\n")
    assert asked.returncode == 130  # nothing was done
    assert shell("models", "get", "doomed", "--version", "1").returncode == 0
    assert shell("models", "delete", "doomed", "--version", "1", "--yes").returncode == 0
    assert shell("models", "get", "doomed", "--version", "1").returncode == 3


def test_a_dataset_is_looked_into_and_deleted(shell: Any) -> None:
    (shell.folder / "seen.csv").write_text("n,kind\n1,left\n2,right\n,left\n")
    uri = shell("datasets", "add", "seen.csv").stdout.strip()
    assert shell("datasets", "add", "seen.csv").stdout.strip() == uri  # stored once

    schema = json.loads(shell("datasets", "schema", uri, "--type", "csv", "-o", "json").stdout)
    columns = {column["name"]: column for column in schema["columns"]}
    assert schema["rows"] == 3
    assert columns["n"]["missing"] == 1
    assert columns["kind"]["classes"] == {"left": 2, "right": 1}

    rows = json.loads(
        shell("datasets", "preview", uri, "--type", "csv", "--rows", "2", "-o", "json").stdout
    )
    assert [row["kind"] for row in rows] == ["left", "right"]

    assert shell("datasets", "delete", uri, "--yes").returncode == 0
    assert shell("datasets", "get", uri).returncode == 3


def test_a_file_is_scored_and_bad_rows_are_told(shell: Any, table: str) -> None:
    rows = [ROW, "M,0.4", ROW.replace("0.365", "wide"), ROW]
    (shell.folder / "snails.csv").write_text("\n".join([HEADER, *rows, ""]))

    done = shell("predict", table, "--input", "snails.csv", "--output", "scored.csv", "-o", "json")
    assert done.returncode == 1, done.stderr  # some were left out
    summary = json.loads(done.stdout)
    assert (summary["rows"], summary["bad_rows"]) == (2, 2)
    assert "snails.csv:3: expected 9 columns, received 2" in done.stderr
    assert "snails.csv:4: diameter: expected a number, received 'wide'" in done.stderr
    with (shell.folder / "scored.csv").open() as file:
        scored = list(csv.DictReader(file))
    assert [row["rings"] for row in scored] == ["15", "15"]
    alone = json.loads(shell("predict", table, json.dumps(example()), "-o", "json").stdout)
    assert float(scored[0]["prediction"]) == pytest.approx(alone["values"][0], rel=1e-5)

    strict = shell("predict", table, "--input", "snails.csv", "--output", "strict.csv", "--strict")
    assert strict.returncode == 2
    assert "snails.csv:3" in strict.stderr
    assert list(shell.folder.glob("*strict.csv*")) == []


def test_an_interrupted_run_leaves_no_half_of_a_file(shell: Any, table: str) -> None:
    with (shell.folder / "many.csv").open("w") as file:
        file.write(HEADER + "\n")
        file.writelines(f"{ROW}\n" for _ in range(400_000))
    scoring = shell.start("predict", table, "--input", "many.csv", "--output", "all.jsonl")
    deadline = time.monotonic() + 30
    while not any(part.stat().st_size for part in shell.folder.glob(".all.jsonl.*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    scoring.send_signal(signal.SIGINT)
    _, said = scoring.communicate(timeout=20)
    assert scoring.returncode == 130
    assert "Traceback" not in said
    assert list(shell.folder.glob("*all.jsonl*")) == []


def test_a_row_that_the_model_refuses_is_told_by_its_line(shell: Any, digits: Any) -> None:
    folder = shell.folder / "pictures"
    folder.mkdir()
    seven = (ROOT / "examples" / "digits" / "seven.png").read_bytes()
    for name in ("a.png", "c.png"):
        (folder / name).write_bytes(seven)
    (folder / "b.png").write_bytes(b"no picture")

    done = shell("predict", "digits", "--input", "pictures", "--output", "pictures.jsonl")

    assert done.returncode == 1, done.stderr  # some were left out
    assert "b.png: " in done.stderr
    written = (shell.folder / "pictures.jsonl").read_text()
    lines = [json.loads(line) for line in written.splitlines()]
    assert [line["file"] for line in lines] == ["a.png", "c.png"]
    assert lines[0]["prediction"] == lines[1]["prediction"]
    assert 0 < lines[0]["score"] <= 1


def test_any_method_is_called_by_its_name(shell: Any, digits: Any) -> None:
    picture = ROOT / "examples" / "digits" / "seven.png"
    filled = ("model.name=digits", f"images.encoded=@{picture}", "top_k=1")
    method = "VisionService/ClassifyImages"
    called = shell("call", method, *filled)
    assert called.returncode == 0, called.stderr
    [result] = json.loads(called.stdout)["results"]
    typed = json.loads(shell("predict", "digits", str(picture), "-o", "json").stdout)
    assert result["classes"][0]["name"] == typed["results"][0]["classes"][0]["name"]

    twin = shell("call", method, *filled, "--as-grpcurl").stdout
    message = sent_by_grpcurl(twin)
    again = shell("call", method, "-", stdin=message)
    assert json.loads(again.stdout)["results"] == [result]

    assert shell("call", "VisionService/Paint").returncode == 3
    assert shell("call", method, '{"modle": {}}').returncode == 2
    assert (
        shell("call", method, "model.name=nobody", "images.encoded=@" + str(picture)).returncode
        == 3
    )


def test_the_shell_is_offered_what_there_is(shell: Any, digits: dict[str, Any]) -> None:
    assert digits["id"] in offered(shell, "modelyard jobs get ")
    assert "digits" in offered(shell, "modelyard predict d")
    assert "datasets" in offered(shell, "modelyard da")
    assert offered(shell, "modelyard --url http://127.0.0.1:1 jobs get ") == []


def test_all_is_well(shell: Any) -> None:
    done = shell("doctor", "-o", "json")
    findings = json.loads(done.stdout)
    troubles = [f for f in findings if f["severity"] in ("warn", "bad") and f["check"] != "disk"]
    assert [f for f in troubles if f["check"] not in ("bytecode", "gpu")] == []
    assert {"services", "queue", "processes", "disk"} <= {f["check"] for f in findings}
    assert any("append-only" in f["message"] for f in findings)


def test_a_context_leads_to_another_system(shell: Any, tmp_path: Path) -> None:
    told = {"MODELYARD_CONFIG": str(tmp_path / "config.toml")}
    here = json.loads(shell("config", "view", "-o", "json").stdout)
    url = next(setting["value"] for setting in here if setting["name"] == "url")

    run(shell, told, "context", "add", "nowhere", "--url", "http://127.0.0.1:1", "--use")
    lost = run(shell, told, "jobs", "list")
    assert lost.returncode == 4
    assert "context 'nowhere'" in lost.stderr
    assert run(shell, told, "--url", url, "jobs", "list").returncode == 0  # a flag is stronger

    run(shell, told, "context", "use", "-")
    assert run(shell, told, "jobs", "list").returncode == 0  # what runs here


def test_wrong_words_are_shown_with_what_was_meant(shell: Any) -> None:
    (shell.folder / "misspelt.yaml").write_text(
        "task: {type: image_classificatio}\n"
        "dataset: {type: npz, source: builtin://digits}\n"
        "network: {type: dense, units: [16], unit: 3}\n"
        "trainig: {epochs: 2}\n"
        "publish: {model: misspelt}\n"
    )
    for command in ("train", "validate"):
        done = shell(command, "misspelt.yaml")
        assert done.returncode == 2
        assert done.stdout == ""
        for position, meant in (
            ("misspelt.yaml:1:14", "image_classification"),
            ("misspelt.yaml:3:37", "units"),
            ("misspelt.yaml:4:1", "training"),
        ):
            assert position in done.stderr
            assert f"did you mean `{meant}`?" in done.stderr
        assert "nothing was submitted" in done.stderr


def example() -> dict[str, Any]:
    cells = dict(zip(HEADER.split(","), ROW.split(","), strict=True))
    return {
        name: cell if name == "sex" else float(cell)
        for name, cell in cells.items()
        if name != "rings"
    }


def sent_by_grpcurl(command: str) -> str:
    """What the shell would hand to grpcurl, which need not be installed."""
    replaced = "cat" + command[command.index(" <<JSON") :]
    assert command.startswith("grpcurl -plaintext -d @ ")
    return subprocess.run(
        ["bash", "-c", replaced], capture_output=True, text=True, check=True
    ).stdout


def offered(shell: Any, words: str) -> list[str]:
    done = run(
        shell,
        {
            "_MODELYARD_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        },
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def run(shell: Any, told: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MODELYARD_")}
    return subprocess.run(
        shell.command(*arguments),
        capture_output=True,
        text=True,
        cwd=shell.folder,
        env=clean | told,
        timeout=60,
    )


def pid_of(shell: Any, service: str) -> int:
    states = json.loads(shell("status", "-o", "json").stdout)
    return next(int(state["pid"]) for state in states if state["service"] == service)


def wait_until_ready(shell: Any) -> None:
    deadline = time.monotonic() + 60
    while shell("status").returncode:
        assert time.monotonic() < deadline
        time.sleep(0.3)
