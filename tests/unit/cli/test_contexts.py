"""Who decides where commands go, and how contexts are kept."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.cli import contexts
from modelyard.cli.addresses import Addresses, candidates
from modelyard.cli.contexts import Context
from modelyard.cli.invocation import Invocation
from modelyard.errors import InvalidRequest, NotFound


@pytest.fixture(autouse=True)
def nothing_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith("MODELYARD_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("MODELYARD_HOME", str(tmp_path / "var"))
    return


def decided(said: Invocation) -> Addresses:
    return Addresses.decided(list(candidates(said)))


def test_the_strongest_voice_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    assert decided(Invocation()).url.is_default

    known = contexts.read().with_context("prod", Context.at("http://prod:80", "prod:81"))
    contexts.write(known.with_context("test", Context.at("http://test:80")).using("prod"))
    addresses = decided(Invocation())
    assert (addresses.url.value, addresses.grpc.value) == ("http://prod:80", "prod:81")
    assert "'prod'" in addresses.url.source

    monkeypatch.setenv("MODELYARD_CONTEXT", "test")
    assert decided(Invocation()).grpc.value == "test:50051"  # the usual port of the same host
    monkeypatch.setenv("MODELYARD_URL", "http://environment:80")
    assert decided(Invocation()).url.value == "http://environment:80"
    assert decided(Invocation(context="prod")).url.value == "http://prod:80"
    assert decided(Invocation(url="http://flag:80", context="prod")).url.value == "http://flag:80"
    assert decided(Invocation(url="http://flag:80", context="prod")).grpc.value == "prod:81"


def test_a_context_that_is_not_there_is_said() -> None:
    contexts.write(contexts.read().with_context("prod", Context.at("http://prod:80")))
    with pytest.raises(NotFound, match=r"no context 'prd'.*there are: prod"):
        decided(Invocation(context="prd"))


@pytest.mark.parametrize("name", ["", "with space", "../up", "-", "a" * 64])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(InvalidRequest):
        contexts.read().with_context(name, Context.at("http://prod:80"))


@pytest.mark.parametrize("url", ["prod", "prod:7070", "ftp://prod", "http://", ""])
def test_an_address_must_be_one(url: str) -> None:
    with pytest.raises(InvalidRequest):
        Context.at(url)


def test_what_was_written_is_read_again() -> None:
    odd = Context("http://prod:80/a%20b", 'quote"and\\slash:1')
    contexts.write(contexts.read().with_context("a.b-c_d", odd).using("a.b-c_d"))
    again = contexts.read()
    assert again.known == {"a.b-c_d": odd}
    assert again.current == "a.b-c_d"
    contexts.write(again.without("a.b-c_d"))
    assert (contexts.read().known, contexts.read().current) == ({}, None)


@pytest.mark.parametrize(
    "text",
    ["current = ", "current = 3", "[contexts.a]\n", '[contexts.a]\nurl = "http://a"\ntoken = "t"'],
)
def test_a_broken_file_is_named(text: str) -> None:
    contexts.config_file().parent.mkdir(parents=True)
    contexts.config_file().write_text(text)
    with pytest.raises(InvalidRequest, match=r"config\.toml"):
        contexts.read()


def test_the_whole_life_of_a_context(tmp_path: Path) -> None:
    def modelyard(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "modelyard.cli", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )

    assert modelyard("context", "add", "prod", "--url", "http://127.0.0.1:1").returncode == 0
    assert modelyard("context", "use", "prod").returncode == 0
    shown = json.loads(modelyard("context", "show", "-o", "json").stdout)
    assert shown == {
        **{"name": "prod", "url": "http://127.0.0.1:1", "grpc": "127.0.0.1:50051"},
        "current": True,
    }
    lost = modelyard("jobs", "list")
    assert lost.returncode == 4
    assert "context 'prod'" in lost.stderr
    explained = modelyard("config", "view", "--explain").stdout
    assert "* http://127.0.0.1:1" in explained
    assert modelyard("context", "delete", "prod").returncode == 0
    assert modelyard("context", "use", "prod").returncode == 3


def test_nothing_is_offered_where_nobody_answers(tmp_path: Path) -> None:
    """A server that takes the connection and says nothing must not hold up whoever presses Tab."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        told = {
            "MODELYARD_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "_MODELYARD_COMPLETE": "bash_complete",
            "COMP_WORDS": "modelyard jobs get ",
            "COMP_CWORD": "3",
        }
        done = subprocess.run(
            [sys.executable, "-m", "modelyard.cli"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ | told,
            timeout=10,
        )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_script(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "modelyard.cli", "completion", shell],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"_MODELYARD_COMPLETE={shell}_complete" in done.stdout
    assert done.stderr == ""
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=done.stdout, text=True, check=True)
