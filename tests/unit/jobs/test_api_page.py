"""The API page and the document behind it."""

import re
from typing import Any

import pytest

from modelyard.job import JobRequest

HTTP = ("get", "put", "post", "patch", "delete", "head")


def operations(yard: Any) -> list[tuple[str, str, dict[str, Any]]]:
    paths = yard.api.get("/openapi.json").json()["paths"]
    return [(path, m, o) for path, all_ in paths.items() for m, o in all_.items() if m in HTTP]


def test_the_page_is_made_of_what_this_service_serves(yard: Any) -> None:
    page = yard.api.get("/docs")
    assert page.status_code == 200
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) >= 5
    for name in named:
        assert "//" not in name
        assert yard.api.get(f"/{name}").status_code == 200
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "*" not in policy
    assert "<script>" not in page.text  # the policy would not run it


@pytest.mark.parametrize("name", ["README.md", "..%2fpage.html", "swagger-ui", "%00"])
def test_no_other_file_is_served(yard: Any, name: str) -> None:
    assert yard.api.get(f"/docs/{name}").status_code == 404


def test_every_operation_has_a_summary_and_its_refusals(yard: Any) -> None:
    found = operations(yard)
    assert len(found) > 25
    for path, method, operation in found:
        assert operation["summary"], path
        assert operation["tags"], path
        assert "422" not in operation["responses"], path  # FastAPI's own, which is never answered
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (path, method)
        if "{" in path:
            assert "404" in operation["responses"], path


def test_every_example_of_a_request_works(yard: Any) -> None:
    examples = [
        example["value"]
        for path, method, operation in operations(yard)
        if (path, method) == ("/v1/jobs", "post")
        for example in operation["requestBody"]["content"]["application/json"]["examples"].values()
    ]
    assert len(examples) >= 2
    for example in examples:
        assert JobRequest.model_validate(example)
        assert yard.api.post("/v1/jobs?dry_run=true", json=example).status_code == 200


def test_every_example_of_a_patch_works(yard: Any, digits: dict[str, Any]) -> None:
    job = yard.submit(digits)
    document = yard.api.get("/openapi.json").json()
    body = document["paths"]["/v1/jobs/{job_id}/clone"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "application/merge-patch+json"}
    for media_type, content in body.items():
        for example in content["examples"].values():
            answer = yard.api.post(
                f"/v1/jobs/{job}/clone?dry_run=true",
                json=example["value"],
                headers={"Content-Type": media_type},
            )
            assert answer.status_code == 200
