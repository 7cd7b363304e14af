"""Latency and throughput of the inference service, beside its own echo of a model that costs nothing.

    python tests/benchmarks/bench_serving.py [--seconds 5] [--concurrency 1 16 64] [--target HOST:PORT]

Starts a service of its own with a 28x28x1 CNN (Conv 32 3x3, pool, Dense 128, Dense 10) unless a target is
given, asks by TensorFlow Serving's Predict from processes of their own, prints a table and writes
build/bench/serving.json.
"""

import argparse
import json
import multiprocessing
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from modelyard.wire import tensors
from modelyard.wire.tf_serving import PredictRequest, PredictResponse

MODEL = "bench"
RESULTS = Path("build/bench/serving.json")

BUILD = """
import sys
import keras
model = keras.Sequential([
    keras.Input((28, 28, 1), name="image"),
    keras.layers.Conv2D(32, 3, activation="relu"),
    keras.layers.MaxPooling2D(),
    keras.layers.Flatten(),
    keras.layers.Dense(128, activation="relu"),
    keras.layers.Dense(10, activation="softmax"),
])
model.export(sys.argv[1], verbose=False)
"""


def request() -> Any:
    message = PredictRequest(model_spec={"name": MODEL})
    image = np.random.default_rng(0).random((1, 28, 28, 1), np.float32)
    message.inputs["image"].CopyFrom(tensors.encode(image, as_content=True))
    return message


def ask(target: str, concurrency: int, seconds: float) -> list[float]:
    """The latencies of the calls of one client process, with so many in flight at any time."""
    channel = grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])
    call = channel.unary_unary(
        "/tensorflow.serving.PredictionService/Predict",
        request_serializer=PredictRequest.SerializeToString,
        response_deserializer=PredictResponse.FromString,
    )
    message, latencies, lock = request(), [], threading.Lock()
    call(message, wait_for_ready=True, timeout=60)
    end = time.perf_counter() + seconds

    def work() -> None:
        own = []
        while (started := time.perf_counter()) < end:
            answer = call(message)
            own.append(time.perf_counter() - started)
            assert len(answer.outputs) == 1, "errors must not count as answers"
        with lock:
            latencies.extend(own)

    threads = [threading.Thread(target=work) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    channel.close()
    return latencies


def measure(target: str, concurrency: int, seconds: float) -> dict[str, float]:
    clients = min(concurrency, 2)
    context = multiprocessing.get_context("spawn")  # gRPC does not survive a fork
    with ProcessPoolExecutor(clients, mp_context=context) as pool:
        parts = [pool.submit(ask, target, concurrency // clients, seconds) for _ in range(clients)]
        latencies = np.array([each for part in parts for each in part.result()])
    p50, p95, p99 = np.percentile(latencies, [50, 95, 99]) * 1000
    return {
        "concurrency": concurrency,
        "calls_per_second": round(len(latencies) / seconds, 1),
        "p50_ms": round(float(p50), 3),
        "p95_ms": round(float(p95), 3),
        "p99_ms": round(float(p99), 3),
    }


def started_service(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    version = folder / "models" / MODEL / "1"
    subprocess.run([sys.executable, "-c", BUILD, str(version)], check=True, capture_output=True)
    log = folder / "service.log"
    environment = os.environ | {
        "MODELYARD_MODELS_DIR": str(folder / "models"),
        "MODELYARD_GRPC_PORT": "0",
        "MODELYARD_INFERENCE_METRICS_PORT": "0",
    }
    with open(log, "wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "modelyard.inference"], env=environment, stderr=file
        )
    while True:
        lines = [json.loads(x) for x in log.read_text().splitlines() if x.startswith("{")]
        events = {line["event"]: line for line in lines}
        if "version_available" in events:
            return process, events["inference_started"]["grpc"]
        if process.poll() is not None:
            raise SystemExit(log.read_text())
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--target", help="a service that runs already and has a model `bench`")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        process = None
        target = options.target
        if not target:
            process, target = started_service(Path(folder))
        try:
            rows = [measure(target, each, options.seconds) for each in options.concurrency]
        finally:
            if process is not None:
                process.send_signal(signal.SIGTERM)
                process.wait()
    report(rows)


def report(rows: list[dict[str, float]]) -> None:
    print(f"{'callers':>8} {'calls/s':>9} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}")
    for row in rows:
        values = (row["p50_ms"], row["p95_ms"], row["p99_ms"])
        print(
            f"{row['concurrency']:>8} {row['calls_per_second']:>9.0f} "
            + " ".join(f"{value:>8.2f}" for value in values)
        )
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    host = {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    RESULTS.write_text(json.dumps({"host": host, "load": os.getloadavg(), "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
