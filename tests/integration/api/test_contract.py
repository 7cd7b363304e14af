"""The OpenAPI document is what the service does: schemathesis asks every operation, and checks every answer against it."""

from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from modelyard.jobs.app import create_app
from modelyard.settings import JobsSettings

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    unsupported_method,
]


@pytest.fixture(scope="module", autouse=True)
def known(service: Any) -> None:
    with httpx2.Client(base_url=service.url, trust_env=False) as api:
        table = b"month,passengers\n" + b"".join(
            b"1949-%02d,%d\n" % (1 + i % 12, i) for i in range(60)
        )
        digest = api.post("/v1/datasets?filename=t.csv", content=table).json()["digest"]
        request = {
            "task": {"type": "forecasting", "target": "passengers", "horizon": 2},
            "dataset": {"type": "csv", "source": f"dataset://{digest}"},
            "network": {"type": "dense", "units": [2]},
            "publish": {"model": "airline"},
        }
        job = api.post("/v1/jobs", json=request).json()["id"]
        assert api.post(f"/v1/jobs/{job}/cancel").json()["state"] == "CANCELLED"  # its streams end
        upload = api.post("/v1/uploads", json={"filename": "u.csv", "bytes": 100}).json()["id"]
    for number in (1, 2):
        folder = service.home / "models" / "airline" / str(number)
        folder.mkdir(parents=True)
        (folder / "saved_model.pb").touch()
    KNOWN.update(job_id=job, digest=digest, upload_id=upload, name="airline")


# The sessions that schemathesis opens for itself are not closed by it.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

schema = schemathesis.openapi.from_dict(create_app(JobsSettings()).openapi())
KNOWN: dict[str, str] = {}
"""Names of things that are there, by the parameter that they are for."""


@schema.hook
def filter_query(context: Any, query: Any) -> bool:
    """A first line of more than 64 KiB is refused by the HTTP library, before there is a request."""
    return len(str(query)) < 8_000


@schema.hook
def map_path_parameters(context: Any, path_parameters: Any) -> Any:
    """Half of all cases ask for what is there."""
    if not path_parameters or sum(map(len, map(str, path_parameters.values()))) % 2:
        return path_parameters
    return {name: KNOWN.get(name, value) for name, value in path_parameters.items()}


@schema.parametrize()
@settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    # The explicit phase tries every value of every layer of a network, for minutes; the examples of the API page have
    # tests of their own.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_documented(case: schemathesis.Case, service: Any) -> None:
    case.call_and_validate(
        base_url=service.url, checks=CHECKS + _strict(case.method, case.operation.path), timeout=20
    )


def _strict(method: str, path: str) -> list[Any]:
    """Not where a whole number in quotes is read as one, as YAML and forms have them: bodies, and how a file is read."""
    is_kind = method in ("POST", "PUT") or path.startswith("/v1/datasets")
    return [] if is_kind else [negative_data_rejection]


def test_the_service_is_unharmed(service: Any) -> None:
    """Runs last: the process that was asked all that is the one that answers still."""
    assert httpx2.get(f"{service.url}/v1/jobs", trust_env=False).status_code == 200
    errors = [
        line
        for line in (service.home / "jobs.log").read_text().splitlines()
        if '"level": "error"' in line
    ]
    assert errors == []
