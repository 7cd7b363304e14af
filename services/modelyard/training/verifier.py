"""The fresh process that verifies a staged version, as the trainer holds it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from modelyard.model_store import Signature
from modelyard.training.failures import Unverified

TIMEOUT_SECONDS = 600.0


class Verifier:
    """Started ahead of time; it imports TensorFlow while the version is exported.

    It dies with this process, and never takes the GPU: what is published must run without one.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "modelyard.training.verify"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"},
        )

    def verify(self, staged: Path) -> dict[str, Signature]:
        """The signatures of the version. Raises Unverified, saying what differs."""
        try:
            output, _ = self._process.communicate(f"{staged}\n".encode(), TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise Unverified("the exported model did not answer in time") from None
        if not output:
            raise Unverified(f"the exported model ended its process: {self._process.returncode}")
        report = json.loads(output)
        if report["differences"]:
            raise Unverified("; ".join(report["differences"][:5]))
        return {
            name: Signature.model_validate(signature)
            for name, signature in report["signatures"].items()
        }

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()
