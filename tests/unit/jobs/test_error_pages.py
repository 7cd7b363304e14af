"""Where the `type` of a problem leads."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from modelyard.jobs.app import create_app
from modelyard.reasons import REASONS
from modelyard.settings import JobsSettings


@pytest.fixture
def browser(tmp_path: Path) -> TestClient:
    """No queue runs: the pages need none. The lifespan, which would look for one, is not entered."""
    return TestClient(create_app(JobsSettings(home=tmp_path)), base_url="http://127.0.0.1")


def test_the_type_of_a_problem_leads_to_a_page_that_says_how_to_mend_it(
    browser: TestClient,
) -> None:
    problem = browser.get("/v1/models/nobody").json()
    page = browser.get(problem["type"])
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "<h1>MODEL_NOT_FOUND</h1>" in page.text
    assert "<code>modelyard models list</code>" in page.text
    assert "HTTP 404" in page.text


def test_the_index_lists_every_reason_and_loads_nothing_from_elsewhere(browser: TestClient) -> None:
    page = browser.get("/errors")
    assert all(f'href="/errors/{name}"' in page.text for name in REASONS)
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_reason_that_is_none_is_not_found(browser: TestClient) -> None:
    answer = browser.get("/errors/<script>alert(1)</script>")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unknown_name_is_not_echoed_at_length(browser: TestClient) -> None:
    assert len(browser.get("/errors/" + "A" * 5000).json()["detail"]) < 200
