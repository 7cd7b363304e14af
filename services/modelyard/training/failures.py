"""What an attempt that failed says of itself: reason, exit code, message, and what is wrong where."""

import errno
from dataclasses import asdict, dataclass
from typing import Any

from modelyard.errors import BadData, InvalidRequest, NotFound, ResourceExhausted, Violation
from modelyard.job import Exit, Reason

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class NonFinite(Exception):
    """The loss, the weights or the answers are NaN or infinite: there is nothing worth keeping."""


class Unverified(Exception):
    """The exported model did not answer what training computed."""


@dataclass(frozen=True)
class Failure:
    reason: Reason
    exit: int
    message: str
    violations: tuple[Violation, ...] = ()

    def event(self) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "message": self.message,
            "violations": [asdict(violation) for violation in self.violations],
        }


def failure_of(error: Exception, *, on_gpu: bool) -> Failure:
    """The traceback stays in the log."""
    match error:
        case BadData():
            return Failure(Reason.BAD_DATA, Exit.BAD_DATA, error.message, error.violations)
        case InvalidRequest() | NotFound():
            return Failure(Reason.BAD_SPEC, Exit.BAD_SPEC, error.message, error.violations)
        case NonFinite():
            return Failure(Reason.NAN_LOSS, Exit.NAN_LOSS, str(error))
        case Unverified():
            return Failure(Reason.UNVERIFIED, Exit.UNVERIFIED, str(error))
    if _is_disk_full(error):
        return Failure(Reason.DISK_FULL, Exit.DISK_FULL, f"no space left on the device: {error}")
    if _is_out_of_memory(error):
        return _out_of_memory(on_gpu and not isinstance(error, MemoryError))
    message = f"the trainer failed with {type(error).__name__}; its log has the traceback"
    return Failure(Reason.INTERNAL, Exit.INTERNAL, message)


def _is_disk_full(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in _DISK_FULL
    # What TensorFlow makes of ENOSPC while it exports.
    return _is_tensorflow(error, "ResourceExhaustedError") and "No space left" in str(error)


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError | ResourceExhausted) or _is_tensorflow(
        error, "ResourceExhaustedError"
    )


def _is_tensorflow(error: Exception, name: str) -> bool:
    """By name: bad requests are told apart before TensorFlow is imported."""
    return any(kind.__name__ == name for kind in type(error).__mro__)


def _out_of_memory(on_gpu: bool) -> Failure:
    hint = "a smaller training.batch_size or a smaller network needs less"
    if on_gpu:
        return Failure(Reason.OOM_GPU, Exit.OOM_GPU, f"the GPU's memory is full; {hint}")
    return Failure(Reason.OOM_HOST, Exit.INTERNAL, f"the memory is full; {hint}")
