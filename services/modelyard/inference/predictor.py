"""The `Predictor` that servicers are given: finds the version, checks the inputs, asks its batcher."""

from collections.abc import Collection

from modelyard.inference import call as subject
from modelyard.inference.byte_budget import ByteBudget
from modelyard.inference.conformity import (
    byte_size,
    check_outputs,
    conform,
    rows_of,
    signature_of,
)
from modelyard.inference.model_manager import ModelManager
from modelyard.prediction import (
    DEFAULT_SIGNATURE,
    Arrays,
    Call,
    ModelRef,
    Prediction,
    ServedVersion,
)


class BatchingPredictor:
    """See `modelyard.prediction.Predictor`."""

    def __init__(self, models: ModelManager, budget: ByteBudget) -> None:
        self._models = models
        self._budget = budget

    def describe(self, ref: ModelRef) -> ServedVersion:
        with self._models.use(ref) as version:
            subject.note(version.served.name, version.served.version)
            return version.served

    def predict(
        self,
        ref: ModelRef,
        inputs: Arrays,
        *,
        signature: str = DEFAULT_SIGNATURE,
        outputs: Collection[str] = (),
        call: Call = Call(),  # noqa: B008 - a frozen value
    ) -> Prediction:
        with (
            self._models.use(ref) as version,
            self._budget.reserve(byte_size(inputs.values())),
        ):
            served = version.served
            subject.note(served.name, served.version)
            spec = signature_of(served.signatures, signature)
            subject.note(served.name, served.version, signature)
            check_outputs(spec, outputs)
            conformed = conform(spec, inputs)
            rows = rows_of(conformed) if signature in version.batchable else None
            answer = version.batcher.run(
                signature, conformed, rows=rows, outputs=outputs, call=call
            )
            return Prediction(
                served, signature, answer.outputs, answer.queue_seconds, answer.run_seconds
            )
