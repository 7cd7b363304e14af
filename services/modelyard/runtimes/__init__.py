"""The family of runtimes: what executes a published version."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from modelyard.prediction import SignatureSpec


class Runtime(Protocol):
    """A loaded version. Its methods may be called from several threads at once."""

    @property
    def signatures(self) -> Mapping[str, SignatureSpec]: ...

    def run(
        self, signature: str, inputs: Mapping[str, NDArray[Any]], outputs: Collection[str] = ()
    ) -> dict[str, NDArray[Any]]:
        """One call, with the dtypes that the signature names; all outputs if none is named.

        Raises InvalidRequest for inputs that the model does not take, Unavailable after `close`.
        """
        ...

    def close(self) -> None:
        """Lets the memory go, once calls in flight have ended. May be called twice."""
        ...
