"""One protection: where it is, what is left without it, and the test that must notice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Removal:
    protection: str
    file: str
    """Below services/modelyard."""
    old: str
    new: str
    test: str
    in_test: bool = False
    """Whether the test's own process misses it too, not only the services that the test starts."""
