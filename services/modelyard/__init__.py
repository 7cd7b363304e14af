"""Modelyard: from a training request to a served model, self-hosted, for Keras."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelyard.client import Client

__version__ = "0.1.0"
__all__ = ["Client", "__version__"]


def __getattr__(name: str) -> Any:
    # Late: whoever imports one room of the package does not pay for the client's libraries.
    if name == "Client":
        from modelyard.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
