"""The words that layers share: activations, initialisers, regularisers, and sizes in one or two dimensions."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator, Field, model_validator

from modelyard.errors import InvalidRequest
from modelyard.spec import Shape, Spec

if TYPE_CHECKING:
    import keras

Size = Annotated[int, Field(ge=1, le=1_000_000)]
Units = Annotated[int, Field(ge=1, le=100_000)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Small = Annotated[int, Field(ge=1, le=1024)]
"""The extent of a kernel, a pool, a stride or a dilation."""
Pair = Small | tuple[Small, Small]
"""One number for both dimensions, or (height, width)."""
Padding = Literal["valid", "same"]

Activation = Literal[
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "sigmoid",
    "hard_sigmoid",
    "tanh",
    "softplus",
    "softsign",
    "softmax",
    "exponential",
]


LayerName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")]


class LayerSpec(Spec):
    """The fields of every layer of a request."""

    name: LayerName | None = None
    """What a graph calls the layer."""
    inputs: Annotated[tuple[LayerName, ...], Field(min_length=1, max_length=100)] | None = None
    """In a graph only: the layers that it reads, or `input`; the one before it if unset."""


class Layer(Protocol):
    """What every layer of the union can do. Its fields are those of the Keras layer it is named after."""

    @property
    def type(self) -> str: ...

    @property
    def name(self) -> str | None: ...

    @property
    def inputs(self) -> tuple[str, ...] | None: ...

    def output_shape(self, shape: Shape) -> Shape:
        """What Keras' `compute_output_shape` answers, without the batch dimension and without TensorFlow.

        Raises InvalidRequest whose fields are relative to the layer, such as `kernel_size`.
        """
        ...

    def parameters(self, shape: Shape) -> int | None:
        """How many weights it has on this input, trainable or not; None while a size is unknown."""
        ...

    def keras(self, **common: Any) -> "keras.Layer":
        """`common` are fields of every Keras layer: name, dtype."""
        ...


def _named(value: Any) -> Any:
    """`he_normal` is short for `{type: he_normal}`."""
    return {"type": value} if isinstance(value, str) else value


class PlainInitializer(Spec):
    """An initialiser without parameters."""

    type: Literal[
        "zeros",
        "ones",
        "identity",
        "glorot_uniform",
        "glorot_normal",
        "he_uniform",
        "he_normal",
        "lecun_uniform",
        "lecun_normal",
    ]

    def keras(self) -> "keras.Initializer":
        import keras  # TensorFlow comes with it, and requests are read without it

        return keras.initializers.get(self.type)


class NormalInitializer(Spec):
    type: Literal["random_normal", "truncated_normal"]
    mean: float = 0.0
    stddev: Annotated[float, Field(gt=0)] = 0.05

    def keras(self) -> "keras.Initializer":
        import keras  # as above

        kinds = {
            "random_normal": keras.initializers.RandomNormal,
            "truncated_normal": keras.initializers.TruncatedNormal,
        }
        return kinds[self.type](mean=self.mean, stddev=self.stddev)


class UniformInitializer(Spec):
    type: Literal["random_uniform"]
    minval: float = -0.05
    maxval: float = 0.05

    def keras(self) -> "keras.Initializer":
        import keras  # as above

        return keras.initializers.RandomUniform(minval=self.minval, maxval=self.maxval)


class ConstantInitializer(Spec):
    type: Literal["constant"]
    value: float = 0.0

    def keras(self) -> "keras.Initializer":
        import keras  # as above

        return keras.initializers.Constant(self.value)


class OrthogonalInitializer(Spec):
    type: Literal["orthogonal"]
    gain: Annotated[float, Field(gt=0)] = 1.0

    def keras(self) -> "keras.Initializer":
        import keras  # as above

        return keras.initializers.Orthogonal(gain=self.gain)


class VarianceScalingInitializer(Spec):
    type: Literal["variance_scaling"]
    scale: Annotated[float, Field(gt=0)] = 1.0
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in"
    distribution: Literal["truncated_normal", "untruncated_normal", "uniform"] = "truncated_normal"

    def keras(self) -> "keras.Initializer":
        import keras  # as above

        return keras.initializers.VarianceScaling(
            scale=self.scale, mode=self.mode, distribution=self.distribution
        )


Initializer = Annotated[
    PlainInitializer
    | NormalInitializer
    | UniformInitializer
    | ConstantInitializer
    | OrthogonalInitializer
    | VarianceScalingInitializer,
    Field(discriminator="type"),
    BeforeValidator(_named),
]

GLOROT_UNIFORM = PlainInitializer(type="glorot_uniform")
ZEROS = PlainInitializer(type="zeros")
ONES = PlainInitializer(type="ones")
ORTHOGONAL = OrthogonalInitializer(type="orthogonal")
UNIFORM = UniformInitializer(type="random_uniform")


class Regularizer(Spec):
    """`{l2: 0.01}` adds 0.01 · Σw² to the loss, `{l1: 0.01}` adds 0.01 · Σ|w|."""

    l1: Annotated[float, Field(ge=0)] | None = None
    l2: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Regularizer":
        if self.l1 is None and self.l2 is None:
            raise ValueError("a regularizer needs l1, l2 or both, such as {l2: 0.01}")
        return self

    def keras(self) -> "keras.Regularizer":
        import keras  # as above

        if self.l1 is None:
            return keras.regularizers.L2(self.l2)
        if self.l2 is None:
            return keras.regularizers.L1(self.l1)
        return keras.regularizers.L1L2(l1=self.l1, l2=self.l2)


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def product(sizes: Shape) -> int | None:
    result = 1
    for size in sizes:
        if size is None:
            return None
        result *= size
    return result


def need_rank(shape: Shape, rank: int, meaning: str) -> None:
    """Raises InvalidRequest, at the layer itself, unless `shape` has `rank` dimensions."""
    if len(shape) != rank:
        raise InvalidRequest.of(
            "",
            f"needs an input of {rank} dimension{'s' if rank > 1 else ''}",
            expected=meaning,
            received=text(shape),
        )


def text(shape: Shape) -> str:
    """`(28, 28, 1)`, with `?` for a size that is not known yet."""
    inner = ", ".join("?" if size is None else str(size) for size in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def slid(
    size: int | None, window: int, stride: int, padding: str, *, dilation: int = 1, field: str
) -> int | None:
    """The length that is left of `size` after a window slid over it."""
    if size is None:
        return None
    if padding != "valid":
        return -(-size // stride)
    extent = (window - 1) * dilation + 1
    if extent > size:
        raise InvalidRequest.of(
            field,
            "is larger than its input; make it smaller or set padding: same",
            expected=f"at most {size}",
            received=str(extent),
        )
    return (size - extent) // stride + 1
