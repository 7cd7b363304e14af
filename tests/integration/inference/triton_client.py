"""NVIDIA's `tritonclient`, as its users write it: `python triton_client.py PORT FORM` prints JSON.

FORM is one of grpc, grpc.aio, http, http.aio. One script for the four, in a process of its own: the package pins an
older protobuf than ours.
"""

import asyncio
import importlib
import inspect
import json
import sys

import numpy as np
from tritonclient.utils import InferenceServerException


class Client:
    """The client of a form; calls of the asynchronous ones are waited for."""

    def __init__(self, form, port):
        self.module = importlib.import_module(f"tritonclient.{form}")
        self.is_aio = form.endswith("aio")
        self.is_http = form.startswith("http")
        self.loop = asyncio.new_event_loop()
        self.client = self.wait(self._made(port))

    async def _made(self, port):
        return self.module.InferenceServerClient(f"127.0.0.1:{port}")

    def wait(self, value):
        return self.loop.run_until_complete(value) if inspect.isawaitable(value) else value

    def __getattr__(self, name):
        return lambda *args, **kwargs: self.wait(getattr(self.client, name)(*args, **kwargs))

    def close(self):
        self.wait(self.client.close())

    def input(self, name, array, datatype, **binary):
        given = self.module.InferInput(name, list(array.shape), datatype)
        given.set_data_from_numpy(array, **(binary if self.is_http else {}))
        return given

    def wanted(self, name, **binary):
        return self.module.InferRequestedOutput(name, **(binary if self.is_http else {}))

    def shown(self, call, *args, **kwargs):
        """The code and text of an error."""
        try:
            call(*args, **kwargs)
        except InferenceServerException as error:
            return [error.status(), error.message()]
        return ["OK", ""]


X = np.array([[1, 2, 3, 4]], np.float32)


def asked(client):
    x = client.input("x", X, "FP32")
    answer = client.infer("arithmetic", [x], request_id="mine")
    told = answer.get_response() if client.is_http else answer.get_response(as_json=True)
    older = client.infer("arithmetic", [x], model_version="2", outputs=[client.wanted("total")])
    words = np.array([[b"ab", b"\xff"]], np.object_).reshape(2)
    text = client.infer(
        "arithmetic",
        [client.input("text", words, "BYTES")],
        parameters={"signature_name": "words"},
    )
    pair = client.infer(
        "arithmetic",
        [
            client.input("a", np.ones(2, np.float32), "FP32"),
            client.input("b", np.ones(2, np.int32), "INT32"),
        ],
        parameters={"signature_name": "pair"},
    )
    return {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model_ready": [
            client.is_model_ready("arithmetic"),
            client.is_model_ready("arithmetic", "2"),
            client.is_model_ready("arithmetic", "7"),
            client.is_model_ready("nobody"),
        ],
        "spec": [told["model_name"], told["model_version"], told["id"]],
        "y": answer.as_numpy("y").tolist(),
        "total": answer.as_numpy("total").tolist(),
        "older": [older.as_numpy("total").tolist(), older.as_numpy("y") is None],
        "words": [item.decode("latin-1") for item in text.as_numpy("upper")],
        "lengths": text.as_numpy("length").tolist(),
        "pair": pair.as_numpy("sum").tolist(),
        "empty": list(
            client.infer("arithmetic", [client.input("x", np.empty((0, 4), np.float32), "FP32")])
            .as_numpy("y")
            .shape
        ),
    }


def about(client):
    form = {} if client.is_http else {"as_json": True}
    server = client.get_server_metadata(**form)
    model = client.get_model_metadata("arithmetic", **form)
    config = client.get_model_config("arithmetic", **form)
    config = config if client.is_http else config["config"]
    index = client.get_model_repository_index(**form)
    index = index if client.is_http else index["models"]
    statistics = client.get_inference_statistics("arithmetic", "10", **form)["model_stats"][0]
    return {
        "name": server["name"],
        "has_binary": "binary_tensor_data" in server["extensions"],
        "model": [model["name"], model["versions"], model["platform"]],
        "inputs": [
            [each["name"], each["datatype"], [int(size) for size in each["shape"]]]
            for each in model["inputs"]
        ],
        "config": [config["name"], config["backend"], config["max_batch_size"]],
        "dims": [
            [each["name"], each["data_type"], [int(size) for size in each["dims"]]]
            for each in config["input"]
        ],
        "index": sorted(
            [each["name"], each["version"], each["state"], bool(each.get("reason"))]
            for each in index
        ),
        "statistics": [
            statistics["name"],
            statistics["version"],
            int(statistics["inference_count"]),
            int(statistics["execution_count"]),
            int(statistics["inference_stats"]["success"]["count"]),
            int(statistics["inference_stats"]["queue"]["count"]),
        ],
    }


def errors(client):
    infer, shown = client.infer, client.shown
    x = client.input("x", X, "FP32")
    a = client.input("a", np.ones(2, np.float32), "FP32")
    pair = {"signature_name": "pair"}
    return {
        "unknown_model": shown(infer, "nobody", [x]),
        "unknown_version": shown(infer, "arithmetic", [x], model_version="9"),
        "no_version": shown(infer, "arithmetic", [x], model_version="new"),
        "quarantined": shown(infer, "broken", [x]),
        "unexpected_input": shown(infer, "arithmetic", [client.input("z", X, "FP32")]),
        "wrong_datatype": shown(
            infer, "arithmetic", [client.input("x", X.astype(np.float64), "FP64")]
        ),
        "wrong_shape": shown(
            infer, "arithmetic", [client.input("x", np.ones((2, 5), np.float32), "FP32")]
        ),
        "missing_input": shown(infer, "arithmetic", [a], parameters=pair),
        "unknown_output": shown(infer, "arithmetic", [x], outputs=[client.wanted("z")]),
        "unknown_signature": shown(infer, "arithmetic", [x], parameters={"signature_name": "nope"}),
        "graph_refuses": shown(
            infer,
            "arithmetic",
            [client.input("x", np.array([-1], np.float32), "FP32")],
            parameters={"signature_name": "positive"},
        ),
        "load": shown(client.load_model, "nobody"),
        "unload": shown(client.unload_model, "arithmetic"),
        "metadata": shown(client.get_model_metadata, "nobody"),
    }


def streamed(client):
    """Only gRPC has streams: answers in order, and an error ends nothing."""
    x = client.input("x", X, "FP32")
    requests = [("arithmetic", "1"), ("nobody", "2"), ("arithmetic", "3")]
    answers = []

    def take(result, error):
        answers.append(
            error.message() if error else [result.get_response().id, *result.as_numpy("total")]
        )

    if client.is_aio:

        async def all_of_them():
            async def given():
                for model, name in requests:
                    yield {"model_name": model, "inputs": [x], "request_id": name}

            async for result, error in client.client.stream_infer(given()):
                take(result, error)

        client.wait(all_of_them())
        return answers
    client.client.start_stream(callback=take)
    for model, name in requests:
        client.client.async_stream_infer(model, [x], request_id=name)
    client.client.stop_stream()
    return answers


def main(port, form):
    client = Client(form, port)
    answers = {"asked": asked(client), "about": about(client), "errors": errors(client)}
    if not client.is_http:
        answers["streamed"] = [
            [item if isinstance(item, str) else float(item) for item in each]
            if isinstance(each, list)
            else each
            for each in streamed(client)
        ]
    client.close()
    print(json.dumps(answers))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
