"""Lists that are narrowed, and jobs that are done again."""

from typing import Any

import pytest
import redis

from modelyard.job_queue import MOST_WAITING


def listed(yard: Any, query: str) -> list[str]:
    answer = yard.api.get(f"/v1/jobs?limit=500&{query}")
    assert answer.status_code == 200, answer.text
    return [job["id"] for job in answer.json()["jobs"]]


def test_a_list_is_narrowed_by_state_model_name_and_task(
    yard: Any, digits: dict[str, Any], airline: dict[str, Any]
) -> None:
    one, two = yard.submit(digits), yard.submit(airline)
    three = yard.submit(airline | {"name": "night"})
    yard.api.post(f"/v1/jobs/{two}/cancel")

    assert listed(yard, "model=digits") == [one]
    assert listed(yard, "model=airline") == [three, two]
    assert listed(yard, "name=night") == [three]
    assert listed(yard, "task=forecasting&state=CANCELLED") == [two]
    assert listed(yard, "task=image_classification&model=airline") == []
    assert {one, two, three} <= set(listed(yard, ""))


def test_the_pages_of_a_narrow_list_hold_every_job_once(yard: Any, airline: dict[str, Any]) -> None:
    other = airline | {"publish": {"model": "others"}}
    wanted = airline | {"publish": {"model": "pages"}}
    jobs = [yard.submit(wanted if i % 3 else other) for i in range(21)]
    seen, token = [], ""
    while True:
        page = yard.api.get(f"/v1/jobs?model=pages&limit=4&page_token={token}").json()
        seen += [job["id"] for job in page["jobs"]]
        token = page["next_page_token"]
        if not token:
            break
    assert sorted(seen) == sorted(job for i, job in enumerate(jobs) if i % 3)


def test_a_token_of_another_list_is_refused(yard: Any, airline: dict[str, Any]) -> None:
    for _ in range(3):
        yard.submit(airline | {"publish": {"model": "tokens"}})
    token = yard.api.get("/v1/jobs?model=tokens&limit=1").json()["next_page_token"]
    assert token
    refused = yard.api.get(f"/v1/jobs?limit=1&page_token={token}")
    assert refused.status_code == 400
    assert refused.json()["violations"][0]["field"] == "page_token"


def test_a_retry_is_a_new_job_with_the_same_request(yard: Any, digits: dict[str, Any]) -> None:
    first = yard.submit(digits)
    answer = yard.api.post(f"/v1/jobs/{first}/retry")
    assert answer.status_code == 201
    second = answer.json()
    assert second["id"] != first
    assert second["parent"] == first
    assert second["request"] == yard.api.get(f"/v1/jobs/{first}").json()["request"]
    assert answer.headers["location"] == f"/v1/jobs/{second['id']}"


def test_a_retry_with_a_key_is_one_job_even_under_the_key_of_the_first(
    yard: Any, digits: dict[str, Any]
) -> None:
    key = {"Idempotency-Key": "nightly"}
    first = yard.api.post("/v1/jobs", json=digits, headers=key).json()["id"]
    again = yard.api.post(f"/v1/jobs/{first}/retry", headers=key).json()["id"]
    assert again != first
    assert yard.api.post(f"/v1/jobs/{first}/retry", headers=key).json()["id"] == again


def test_a_clone_changes_what_the_patch_names(yard: Any, digits: dict[str, Any]) -> None:
    first = yard.submit(digits | {"training": {"early_stopping": {"patience": 3}, "epochs": 4}})
    patch = {"network": {"filters": [4, 4]}, "training": {"early_stopping": None, "seed": 5}}
    answer = yard.api.post(f"/v1/jobs/{first}/clone", json=patch)
    assert answer.status_code == 201
    request = answer.json()["request"]
    assert request["network"]["filters"] == [4, 4]
    assert request["network"]["units"] == [16]  # what the patch does not name stays
    assert request["training"]["early_stopping"] is None  # null removes
    assert (request["training"]["epochs"], request["training"]["seed"]) == (4, 5)
    assert answer.json()["parent"] == first


def test_a_clone_can_be_tried_dry_and_takes_the_media_type_of_the_rfc(
    yard: Any, digits: dict[str, Any]
) -> None:
    first, before = yard.submit(digits), len(listed(yard, ""))
    answer = yard.api.post(
        f"/v1/jobs/{first}/clone?dry_run=true",
        content=b'{"network": {"filters": [4]}}',
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert answer.status_code == 200
    # 3·3·1·4 + 4 of the convolution, 4·4·4·16 + 16 of the dense layer, 16·10 + 10 of the head.
    assert answer.json()["parameters"] == 40 + 1040 + 170
    assert len(listed(yard, "")) == before


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"training": {"epochs": 0}}, "training.epochs"),
        (
            {"network": {"type": "dense"}},
            "network.filters",
        ),  # what another network had is in the way
        ({"publish": None}, "publish"),
        ({"nonsense": 1}, "nonsense"),
        ({"task": "x"}, "task"),
    ],
)
def test_a_patch_that_makes_no_request_names_the_field(
    yard: Any, digits: dict[str, Any], patch: dict[str, Any], field: str
) -> None:
    first = yard.submit(digits)
    answer = yard.api.post(f"/v1/jobs/{first}/clone", json=patch)
    assert answer.status_code == 400
    assert field in [violation["field"] for violation in answer.json()["violations"]]


@pytest.mark.parametrize("patch", ["[]", "1", '"x"', "null", ""])
def test_a_patch_that_is_no_object_is_refused(
    yard: Any, digits: dict[str, Any], patch: str
) -> None:
    first = yard.submit(digits)
    headers = {"Content-Type": "application/json"}
    answer = yard.api.post(f"/v1/jobs/{first}/clone", content=patch, headers=headers)
    assert answer.status_code == 400


def test_the_list_of_the_broker_does_not_grow_with_the_jobs(
    yard: Any, airline: dict[str, Any]
) -> None:
    for _ in range(MOST_WAITING + 8):
        yard.submit(airline)
    with redis.Redis.from_url(yard.settings.redis_url.get_secret_value()) as broker:
        # The reconciler may ring at the same moment.
        assert 0 < broker.llen("modelyard:bell:train") <= MOST_WAITING + 1
