"""How a call ended, for the metrics and the log, whatever carried it."""

from modelyard import logs
from modelyard.errors import (
    Cancelled,
    DeadlineExceeded,
    InternalError,
    ModelyardError,
    ResourceExhausted,
)
from modelyard.inference.call import Subject
from modelyard.inference.metrics import InferenceMetrics
from modelyard.inference.status import public

log = logs.get(__name__)


def note_end(
    metrics: InferenceMetrics,
    api: str,
    subject: Subject,
    seconds: float,
    failure: BaseException | None,
) -> None:
    code = "OK" if failure is None else public(failure).code.value
    metrics.observe_call(
        seconds,
        model=subject.model,
        version=subject.version,
        signature=subject.signature,
        api=api,
        code=code,
    )
    if isinstance(failure, ResourceExhausted | DeadlineExceeded | Cancelled):
        metrics.rejected.labels(failure.reason.lower()).inc()
    about = {
        "api": api,
        "model": subject.model,
        "version": subject.version,
        "code": code,
        "seconds": round(seconds, 6),
    }
    if failure is None:
        log.debug("call", **about)
    elif isinstance(failure, ModelyardError) and not isinstance(failure, InternalError):
        log.info("call_failed", **about, reason=failure.reason, error=failure.message[:500])
    else:
        log.error("call_failed", **about, exc_info=failure)
