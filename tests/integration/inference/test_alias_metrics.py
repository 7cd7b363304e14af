"""Dashboards of TensorFlow Serving and Triton find their series, by the names that those systems give them."""

import re
from typing import Any

import pytest
import requests


def series(page: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in page.splitlines() if line and line[0] != "#"]
    return {name: float(value) for name, _, value in lines}


@pytest.mark.parametrize("is_on", [True, False])
def test_the_series_of_other_systems(start: Any, publish: Any, is_on: bool) -> None:
    publish("times3", "arithmetic", 10)
    service = start(rest_port=0, tf_serving_metrics=is_on, triton_metrics=is_on)
    base = f"http://127.0.0.1:{service.rest_port}"
    predict = f"{base}/v1/models/arithmetic:predict"
    for _ in range(3):
        assert requests.post(predict, json={"instances": [[1, 2, 3, 4]] * 2}, timeout=20).ok
    assert requests.post(predict, json={"instances": [[1]]}, timeout=20).status_code == 400
    wrong = requests.post(f"{base}/v1/models/nobody:predict", json={"instances": [1]}, timeout=20)
    assert wrong.status_code == 404

    theirs = requests.get(f"{base}/monitoring/prometheus/metrics", timeout=20)
    ours = series(service.page("/metrics")[1])
    if not is_on:
        assert theirs.status_code == 404
        assert not any(name.startswith("nv_") for name in ours)
        return
    assert theirs.headers["content-type"] == "text/plain"
    found = series(theirs.text)
    assert found[':tensorflow:serving:request_count{model_name="arithmetic",status="OK"}'] == 3
    failed = ':tensorflow:serving:request_count{model_name="arithmetic",status="INVALID_ARGUMENT"}'
    assert found[failed] == 1
    latency = '{API="predict",entrypoint="REST",model_name="arithmetic"}'
    assert found[f":tensorflow:serving:request_latency_count{latency}"] == 3
    assert found[f":tensorflow:serving:request_latency_sum{latency}"] > 100  # microseconds
    bounds = re.findall(r'request_latency_bucket\{.*le="([0-9.]+)"', theirs.text)
    assert [float(bound) for bound in bounds[:3]] == pytest.approx([10, 18, 32.4])
    assert found[':tensorflow:serving:request_example_count_total{model="arithmetic"}'] == 6
    # A name that nobody knows is no label: callers choose it.
    assert "nobody" not in theirs.text

    labels = '{model="arithmetic",version="10"}'
    assert ours[f"nv_inference_request_success{labels}"] == 3
    assert ours[f"nv_inference_request_failure{labels}"] == 1
    assert ours[f"nv_inference_count{labels}"] == 6
    assert ours[f"nv_inference_exec_count{labels}"] == 3
    assert ours[f"nv_inference_compute_infer_duration_us{labels}"] > 0
