"""What ties the trainer to its worker is there before anything else is."""

import json
import subprocess
import sys

from modelyard.job import Exit
from modelyard.training import lifeline

LIGHT = "modelyard.training.channel, modelyard.training.lifeline"


def test_a_worker_that_is_gone_means_again():
    assert lifeline.GONE == Exit.AGAIN


def test_it_waits_for_no_library():
    code = f"import sys, {LIGHT}; print([m for m in ('numpy', 'pydantic', 'keras') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_prints_is_not_taken_for_an_event():
    code = (
        "import os; from modelyard.training.channel import Channel;"
        "channel = Channel.over_standard_streams();"
        "print('a library', flush=True); os.system('echo a child');"
        "channel.tell('warning', message='x' * 100_000);"
        "print(channel.ask('version', model='m')['version'], flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        warning, question = (json.loads(process.stdout.readline()) for _ in range(2))
        process.stdin.write(json.dumps({"granted": True, "version": 7}) + "\n")
        process.stdin.flush()  # and left open: closing it would end the process
        printed = process.stderr.read()
    assert warning == {"event": "warning", "message": "x" * 100_000}
    assert question == {"ask": "version", "model": "m"}
    assert printed.splitlines() == ["a library", "a child", "7"]


def test_work_stops_only_where_it_asks():
    code = (
        "import os, signal; from modelyard.training.lifeline import StopSignal, Stopped;"
        "stop = StopSignal(); stop.listen(); stop.check();"
        "os.kill(os.getpid(), signal.SIGTERM); print('goes on')\n"
        "try: stop.check()\n"
        "except Stopped: print('stops')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["goes on", "stops"]
