"""Verifies an exported version in a process that never saw the training.

    python -m modelyard.training.verify STAGED

loads the SavedModel, compares what it answers to the golden batch within the manifest's tolerance, and
replays the warmup requests. It prints one JSON object and exits 0 if nothing differs:

    {"signatures": {…as in the manifest}, "differences": ["serving_default: scores[3, 1] is …"]}

Without STAGED it reads the folder from its standard input, so that it can be started, and TensorFlow
imported, while the version is still being exported.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelyard.job import Exit
from modelyard.training.lifeline import die_with_parent


def main() -> None:
    die_with_parent(os.getppid())
    output = os.dup(1)
    os.dup2(2, 1)  # what libraries print is no report
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    # Late, because it imports TensorFlow, which may print.
    from modelyard.runtimes import device, saved_model

    device.configure("cpu")
    staged = Path(sys.argv[1] if len(sys.argv) > 1 else sys.stdin.readline().rstrip("\n"))
    report = _report(staged, saved_model)
    os.write(output, json.dumps(report).encode() + b"\n")
    sys.stderr.flush()
    os._exit(Exit.UNVERIFIED if report["differences"] else Exit.OK)


def _report(staged: Path, saved_model: Any) -> dict[str, Any]:
    try:
        runtime = saved_model.load(staged)
        differences = list(_differences(staged, runtime))
        return {"signatures": _signatures(runtime), "differences": differences}
    # Whatever a broken version does to the loader, it is the version that is not verified.
    except Exception as error:
        return {"signatures": {}, "differences": [f"{type(error).__name__}: {error}"]}


def _differences(staged: Path, runtime: Any) -> Iterator[str]:
    from modelyard.model_store import GOLDEN, MANIFEST, WARMUP, Manifest
    from modelyard.runtimes import parity, records

    manifest = Manifest.model_validate_json((staged / MANIFEST).read_bytes())
    unseen = set(runtime.signatures)
    for golden in records.read(staged / GOLDEN):
        unseen.discard(golden.signature)
        answer = runtime.run(golden.signature, golden.inputs)
        for text in parity.differences(golden.outputs, answer, manifest.tolerance):
            yield f"{golden.signature}: {text}"
    for signature in sorted(unseen):
        yield f"{signature}: there is no golden batch for this signature"
    for warmup in records.read(staged / WARMUP):
        runtime.run(warmup.signature, warmup.inputs)


def _signatures(runtime: Any) -> dict[str, Any]:
    return {
        name: {
            "inputs": {key: _tensor(spec) for key, spec in signature.inputs.items()},
            "outputs": {key: _tensor(spec) for key, spec in signature.outputs.items()},
        }
        for name, signature in runtime.signatures.items()
    }


def _tensor(spec: Any) -> dict[str, Any]:
    dtype = "string" if spec.dtype == object else spec.dtype.name
    return {"dtype": dtype, "shape": list(spec.shape or ())}


if __name__ == "__main__":
    main()
