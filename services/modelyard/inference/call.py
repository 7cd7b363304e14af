"""What a call turned out to be about, for the metrics and the log line at its end."""

import re
import uuid
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Subject:
    """Filled in by the predictor, read by the interceptor. Empty until a version was found."""

    model: str = ""
    version: int = 0
    signature: str = ""


_subject: ContextVar[Subject | None] = ContextVar("subject", default=None)


def begin() -> Subject:
    """Called by the interceptor; every call has a context of its own."""
    subject = Subject()
    _subject.set(subject)
    return subject


def note(model: str, version: int, signature: str = "") -> None:
    """Says what the call of this context is about; does nothing outside of a call."""
    subject = _subject.get()
    if subject is not None:
        subject.model, subject.version, subject.signature = model, version, signature


_GIVEN_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


def request_id(given: str) -> str:
    """The caller's, if it is one, so that traces meet; else a new one."""
    return given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
