"""Generates services/modelyard/v1 from proto/: the build hook of the package, and `make proto`."""

from pathlib import Path
from typing import Any

from grpc_tools import protoc  # type: ignore[import-untyped]  # grpcio-tools ships no types
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
SOURCES = "modelyard/v1"


def generate(root: Path = ROOT) -> None:
    """Writes the message and service modules, with their stubs, for every .proto file."""
    protos = sorted((root / "proto" / SOURCES).glob("*.proto"))
    well_known = Path(protoc.__file__).parent / "_proto"
    out = root / "services"
    status = protoc.main(
        [
            "protoc",
            f"-I{root / 'proto'}",
            f"-I{well_known}",
            f"--python_out={out}",
            f"--grpc_python_out={out}",
            f"--mypy_out=quiet:{out}",
            f"--mypy_grpc_out=quiet:{out}",
            *(str(proto) for proto in protos),
        ]
    )
    if status:
        raise SystemExit(f"protoc failed with status {status}")


class ProtoHook(BuildHookInterface):  # type: ignore[type-arg]  # the configuration type is of no use here
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        generate(Path(self.root))


if __name__ == "__main__":
    generate()
