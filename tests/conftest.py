"""What holds for every test: in CI a test may be skipped only for a reason on this list."""

import os

import pytest

ALLOWED_SKIPS = (
    "needs a GPU",
    "needs Linux",
    "needs root",
    "needs Docker",
)

_unlisted: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _note(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    _note(report)


def _note(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith(ALLOWED_SKIPS):
            _unlisted.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _unlisted and os.environ.get("CI"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _unlisted and os.environ.get("CI"):
        terminalreporter.section(
            "skipped for a reason that tests/conftest.py does not allow", red=True
        )
        for line in _unlisted:
            terminalreporter.line(line)
