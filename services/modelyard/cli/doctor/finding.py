"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    OK = "ok"
    NOTE = "note"
    """Worth knowing; nothing is wrong."""
    WARN = "warn"
    """It works, worse than it could."""
    BAD = "bad"

    @property
    def is_trouble(self) -> bool:
        return self in (Severity.WARN, Severity.BAD)


@dataclass(frozen=True)
class Finding:
    check: str
    severity: Severity
    message: str
    help: str = ""
    """What to do about it."""
