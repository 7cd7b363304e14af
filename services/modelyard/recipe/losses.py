"""What is made small: each loss says which heads it fits.

`objection(loss, head)` is why it does not; a request is refused by that before anything is queued.
"""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from modelyard.recipe.values import Fraction, NotNegative, Positive, named
from modelyard.spec import Head, Spec

if TYPE_CHECKING:
    import keras

Smoothing = Annotated[float, Field(ge=0, lt=1)]


class CrossEntropy(Spec):
    """Categorical for a softmax head, binary for a sigmoid head; `cross_entropy` is whichever it takes.

    The binary one fits two classes of a softmax head as well, where it is the same.
    """

    heads: ClassVar[tuple[str, ...]] = ("softmax", "sigmoid")

    type: Literal["cross_entropy", "categorical_cross_entropy", "binary_cross_entropy"] = (
        "cross_entropy"
    )
    label_smoothing: Smoothing = 0.0
    """How much of the certainty of a label is spread over all classes."""

    def objection(self, head: Head) -> tuple[str, str] | None:
        if self.type == "binary_cross_entropy" and head.activation == "softmax":
            if head.units not in (None, 2):
                return f"is for two classes, and there are {head.units}", "cross_entropy"
        elif self.type == "categorical_cross_entropy" and head.activation == "sigmoid":
            return "is for one class of several, and here each is answered apart", "cross_entropy"
        return None

    def keras(self, head: Head) -> "keras.Loss":
        import keras  # TensorFlow comes with it, and requests are read without it

        if head.activation == "sigmoid" or self.type == "binary_cross_entropy":
            return keras.losses.BinaryCrossentropy(label_smoothing=self.label_smoothing)
        return keras.losses.CategoricalCrossentropy(label_smoothing=self.label_smoothing)


class Focal(Spec):
    """Cross-entropy that counts (1 - p)^gamma of an example answered with p (Lin et al., 2017)."""

    heads: ClassVar[tuple[str, ...]] = ("softmax", "sigmoid")

    type: Literal["focal"] = "focal"
    gamma: NotNegative = 2.0
    """0 is plain cross-entropy; the larger, the less the easy examples count."""
    label_smoothing: Smoothing = 0.0

    def objection(self, head: Head) -> tuple[str, str] | None:
        return None

    def keras(self, head: Head) -> "keras.Loss":
        import keras  # as above

        if head.activation == "sigmoid":
            return keras.losses.BinaryFocalCrossentropy(
                gamma=self.gamma, label_smoothing=self.label_smoothing
            )
        # alpha is a factor of the whole loss here; class weights are a field of their own.
        return keras.losses.CategoricalFocalCrossentropy(
            alpha=1.0, gamma=self.gamma, label_smoothing=self.label_smoothing
        )


class Hinge(Spec):
    """max(0, 1 + the best wrong score - the right score), on the scores that softmax gives."""

    heads: ClassVar[tuple[str, ...]] = ("softmax",)

    type: Literal["hinge"] = "hinge"

    def objection(self, head: Head) -> tuple[str, str] | None:
        return None

    def keras(self, head: Head) -> "keras.Loss":
        import keras  # as above

        return keras.losses.CategoricalHinge()


class Regression(Spec):
    """Mean squared error, mean absolute error, or log-cosh, which is the one near 0 and the other far off."""

    heads: ClassVar[tuple[str, ...]] = ("linear",)

    type: Literal["mse", "mae", "log_cosh"] = "mse"

    def objection(self, head: Head) -> tuple[str, str] | None:
        return None

    def keras(self, head: Head) -> "keras.Loss":
        import keras  # as above

        kinds = {
            "mse": keras.losses.MeanSquaredError,
            "mae": keras.losses.MeanAbsoluteError,
            "log_cosh": keras.losses.LogCosh,
        }
        return kinds[self.type]()


class Huber(Spec):
    """Squared for errors up to `delta`, in standard deviations of the target, and linear beyond."""

    heads: ClassVar[tuple[str, ...]] = ("linear",)

    type: Literal["huber"] = "huber"
    delta: Positive = 1.0

    def objection(self, head: Head) -> tuple[str, str] | None:
        return None

    def keras(self, head: Head) -> "keras.Loss":
        import keras  # as above

        return keras.losses.Huber(delta=self.delta)


class Pinball(Spec):
    """Learns a quantile in place of the mean: with 0.9, nine of ten values lie below the answer."""

    heads: ClassVar[tuple[str, ...]] = ("linear",)

    type: Literal["pinball"] = "pinball"
    quantile: Fraction = 0.5

    def objection(self, head: Head) -> tuple[str, str] | None:
        return None

    def keras(self, head: Head) -> "keras.Loss":
        from modelyard.recipe.keras import PinballLoss  # as above

        return PinballLoss(*(head.quantiles or (self.quantile,)))


class Poisson(Spec):
    """For counts: answer - truth · log(answer), up to a constant their negative log-likelihood."""

    heads: ClassVar[tuple[str, ...]] = ("exponential",)

    type: Literal["poisson"] = "poisson"

    def objection(self, head: Head) -> tuple[str, str] | None:
        return None

    def keras(self, head: Head) -> "keras.Loss":
        import keras  # as above

        return keras.losses.Poisson()


AnyLoss = CrossEntropy | Focal | Hinge | Regression | Huber | Pinball | Poisson
Loss = Annotated[AnyLoss, Field(discriminator="type"), BeforeValidator(named)]

_ANSWERS = {
    "softmax": "one class of several",
    "sigmoid": "classes apart from each other",
    "linear": "numbers",
    "exponential": "counts",
}
_FITTING = {
    "softmax": "cross_entropy, focal or hinge",
    "sigmoid": "cross_entropy or focal",
    "linear": "mse, mae, log_cosh, huber or pinball",
    "exponential": "poisson",
}


def objection(loss: AnyLoss, head: Head) -> tuple[str, str] | None:
    """What speaks against the loss on this head, and what is expected in its place."""
    if head.activation not in loss.heads:
        answers = _ANSWERS[head.activation]
        return f"does not fit a task that answers {answers}", _FITTING[head.activation]
    if head.quantiles:
        return "has no choice: the task's quantiles are learned with the pinball loss", "no loss"
    return loss.objection(head)


def default(head: Head) -> AnyLoss:
    match head.activation:
        case "linear":
            return Pinball() if head.quantiles else Regression()
        case "exponential":
            return Poisson()
        case _:
            return CrossEntropy()
