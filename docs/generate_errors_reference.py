"""Writes docs/reference/errors.md from the registry of reasons; `make docs` runs it."""

from itertools import groupby

from reference_page import run, table

from modelyard.cli import exits
from modelyard.errors import Code, ModelyardError
from modelyard.jobs.problems import problem
from modelyard.reasons import REASONS, Area, Reason

HEAD = """\
# Errors

Generated from `services/modelyard/reasons.py` by `make docs`. The jobs API serves the same pages, for its own version, at `/errors`.

Every error carries a canonical code and a **reason**: a stable word for programs. A reason is never renamed and never means something else. The message is for people and may change.

| door | where the reason is | where the fields are |
|---|---|---|
| HTTP | `reason` of the body (`application/problem+json`, RFC 9457); `type` leads to its page | `violations`: `field`, `message`, `expected`, `received` |
| gRPC | `google.rpc.ErrorInfo` in the status details, domain `modelyard`; `google.rpc.Help` leads to its page | `google.rpc.BadRequest` |
| Python | `ApiError.reason` | `ApiError.violations` |
| command line | `error[REASON]` on stderr; the exit code goes by the code | a line per violation; in a request file with its line and column |
| a job | `reason` of the job | `violations` of the job |

Answers carry a `request_id`, which the logs of the service have too. Where trying again helps, the answer says when: `Retry-After` (HTTP), `google.rpc.RetryInfo` (gRPC), `retry_after` (Python).
"""


def page() -> str:
    sections = [
        f"## {area}\n\n" + "\n".join(map(_section, members))
        for area, members in groupby(REASONS.values(), lambda reason: reason.area)
    ]
    return "\n".join([HEAD, *sections])


def _section(reason: Reason) -> str:
    rows = [_row(reason, code) for code in reason.codes] or [_job_row(reason)]
    head = ["code", "HTTP status", "gRPC code", "exit code"]
    return f"### {reason.name}\n\n{reason.meaning} {reason.mending}\n\n{table(head, rows)}"


def _row(reason: Reason, code: Code) -> list[str]:
    local = reason.area in (Area.CLIENT, Area.MACHINE)
    status = "" if local else str(_status(reason, code))
    return [f"`{code}`", status, "" if local else _number(code), str(exits.of_code(code))]


def _job_row(reason: Reason) -> list[str]:
    code = exits.CANCELLED if reason.name == "USER" else exits.FAILED
    return ["", "", "", f"{code}, of a command that waits for the job"]


def _status(reason: Reason, code: Code) -> int:
    if reason.name == "METHOD_NOT_ALLOWED":
        return 405  # the router says so, not the error

    class Error(ModelyardError):
        pass

    Error.code = code
    return problem(Error("", reason=reason.name), "").status_code


def _number(code: Code) -> str:
    from google.rpc import code_pb2

    return str(code_pb2.Code.Value(code.value))


if __name__ == "__main__":
    run("errors.md", page)
