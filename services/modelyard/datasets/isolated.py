"""`python -m modelyard.datasets.isolated`: the other side of `isolation`. Reads a request, answers it, ends."""

import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from modelyard.dataset_store import DatasetStore
from modelyard.datasets import Dataset
from modelyard.datasets.isolation import MOST_MEMORY, MOST_SECONDS
from modelyard.datasets.preview import rows
from modelyard.errors import BadData, InvalidRequest


def main() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    request = json.load(sys.stdin)
    dataset: Dataset = TypeAdapter(Dataset).validate_python(request["dataset"])
    try:
        answer = {"answer": _answer(request, dataset)}
    except InvalidRequest as error:
        answer = {"error": _described(error)}
    json.dump(answer, sys.stdout)


def _answer(request: dict[str, Any], dataset: Dataset) -> Any:
    store = DatasetStore(Path(request["root"]))
    if request["what"] == "preview":
        return rows(dataset, store, request["rows"])
    return dataset.summarise(store).json()


def _described(error: InvalidRequest) -> dict[str, Any]:
    return {
        "is_bad_data": isinstance(error, BadData),
        "message": error.message,
        "reason": error.reason,
        "violations": [asdict(violation) for violation in error.violations],
    }


if __name__ == "__main__":
    main()
