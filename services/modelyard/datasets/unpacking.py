"""How much an archive may unpack to, whatever it says of itself."""

from modelyard.errors import BadData

MOST_BYTES = 16 * 1024**3
"""Of all files together, unpacked."""
MOST_FILES = 500_000
_SUSPICIOUS = 256 * 1024**2
_MOST_RATIO = 200
"""How much smaller than its content an archive above `_SUSPICIOUS` bytes may be."""


def check_size(unpacked: int, packed: int, title: str) -> None:
    """Raises BadData, reason UNPACKS_TO_TOO_MUCH."""
    if unpacked > MOST_BYTES:
        raise BadData.of(
            title,
            "unpacks to too much",
            expected=f"at most {MOST_BYTES} bytes",
            received=str(unpacked),
            reason="UNPACKS_TO_TOO_MUCH",
        )
    if unpacked > _SUSPICIOUS and unpacked > _MOST_RATIO * packed:
        raise BadData.of(
            title,
            "unpacks to far more than it is",
            expected=f"at most {_MOST_RATIO} times its size",
            received=f"{unpacked // max(packed, 1)} times",
            reason="UNPACKS_TO_TOO_MUCH",
        )
