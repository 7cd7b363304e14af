"""Modelyard: from a training request to a served model, self-hosted, for Keras."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelyard.client import AsyncClient, Client

__version__ = "0.1.0"
__all__ = ["AsyncClient", "Client", "__version__"]


def __getattr__(name: str) -> Any:
    # Late: whoever imports one room of the package does not pay for the client's libraries.
    if name in ("AsyncClient", "Client"):
        from modelyard import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
