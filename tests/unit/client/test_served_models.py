"""What one holds in one's hands is what one predicts from."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from modelyard.client import (
    ApiError,
    Client,
    FailedPrecondition,
    InvalidRequest,
    NotFound,
    ResourceExhausted,
)
from modelyard.testing import FakeModel, FakeServer

SEVEN = Path("examples/digits/seven.png")


class Recording:
    """An answer that remembers what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.asked: list[Any] = []
        self._answer = answer

    def __call__(self, example: Any) -> Any:
        self.asked.append(example)
        return self._answer


@pytest.fixture
def images(fake: FakeServer) -> Recording:
    recording = Recording("7")
    fake.add_model(FakeModel("seen", "image_classification", ("1", "7"), answer=recording))
    return recording


@pytest.fixture
def rows(fake: FakeServer) -> Recording:
    recording = Recording("yes")
    fake.add_model(FakeModel("rows", "tabular_classification", ("no", "yes"), answer=recording))
    return recording


def test_every_kind_of_image(client: Client, images: Recording, tmp_path: Path) -> None:
    file = tmp_path / "seven.png"
    file.write_bytes(b"\x89PNG")
    grey = np.arange(10, dtype=np.uint8).reshape(2, 5)
    model = client.model("seen")

    for given in (file, str(file), b"\x89PNG", [file], [b"\x89PNG"]):
        assert model.classify(given).top.name == "7"
    assert images.asked == [b"\x89PNG"] * 5

    images.asked.clear()
    assert len(model.classify(grey).results) == 1
    assert len(model.classify(np.stack([grey, grey])).results) == 2
    assert images.asked == [bytes(range(10))] * 3


def test_an_image_of_pillow_arrives_as_it_is(client: Client, images: Recording) -> None:
    import io

    picture = Image.frombytes("L", (3, 2), bytes(range(6)))
    client.model("seen").classify([picture, picture.convert("F")])
    arrived = [Image.open(io.BytesIO(data)) for data in images.asked]
    assert arrived[0].tobytes() == bytes(range(6))
    assert [image.mode for image in arrived] == ["L", "RGB"]


def test_a_string_is_what_the_model_takes(fake: FakeServer, client: Client) -> None:
    texts = Recording("spam")
    fake.add_model(FakeModel("mail", "text_classification", ("ham", "spam"), answer=texts))
    model = client.model("mail")
    assert model.classify("examples/digits/seven.png").names == ("spam",)
    assert model.classify(["a", ""]).names == ("spam", "spam")
    assert texts.asked == ["examples/digits/seven.png", "a", ""]
    assert fake.calls.count("GET /v1/models/mail") == 1  # looked up once
    client.model("mail", task="text_classification").classify("b")
    assert fake.calls.count("GET /v1/models/mail") == 1


def test_a_task_that_cannot_be_looked_up_is_asked_for(fake: FakeServer) -> None:
    with (
        Client("http://127.0.0.1:1", fake.grpc, retries=0) as client,
        pytest.raises(FailedPrecondition, match="task="),
    ):
        client.model("sms").classify("hello")


TABLES: dict[str, pa.DataType] = {
    "int8": pa.int8(),
    "uint16": pa.uint16(),
    "int64": pa.int64(),
    "float16": pa.float16(),
    "float32": pa.float32(),
    "float64": pa.float64(),
}


def test_a_table_that_speaks_arrow(client: Client, rows: Recording) -> None:
    numbers = {name: pa.array([1, None, 3], kind) for name, kind in TABLES.items()}
    table = pa.table(
        numbers
        | {
            "flag": [True, None, False],
            "text": ["x", "", None],
            "large": pa.array(["a", None, "ü"], pa.large_string()),
            "view": pa.array(["short", None, "longer than twelve bytes"], pa.string_view()),
            "category": pa.array(["u", "v", "u"]).dictionary_encode(),
            "nothing": pa.nulls(3),
        }
    )
    client.model("rows").classify(table)
    whole = [dict(row) for row in rows.asked]
    assert whole == table.to_pylist()

    rows.asked.clear()
    client.model("rows").classify(pa.concat_tables([table.slice(1), table.slice(2)]))
    assert rows.asked == [*table.to_pylist()[1:], *table.to_pylist()[2:]]


def test_a_data_frame_of_pandas_without_pyarrow(client: Client, rows: Recording) -> None:
    """pandas is kept out of this environment; this is what it does there."""

    class DataFrame:
        def __arrow_c_stream__(self) -> object:
            raise ImportError("Import pyarrow failed")

        def to_dict(self, orient: str) -> list[dict[str, object]]:
            assert orient == "records"
            return [{"age": 41.0, "plan": "basic"}, {"age": float("nan"), "plan": "plus"}]

    client.model("rows").classify(DataFrame())
    assert rows.asked == [{"age": 41.0, "plan": "basic"}, {"age": None, "plan": "plus"}]


def test_a_column_that_is_neither_number_nor_text_is_named(client: Client, rows: Recording) -> None:
    table = pa.table({"when": pa.array([1], pa.timestamp("s"))})
    with pytest.raises(InvalidRequest, match="'when'"):
        client.model("rows").classify(table)


def test_rows_as_mappings(client: Client, rows: Recording) -> None:
    model = client.model("rows")
    assert model.classify({"age": 41, "plan": "basic", "town": None}).top.name == "yes"
    assert model.classify([{"age": np.int64(41)}, {}]).names == ("yes", "yes")
    assert rows.asked == [{"age": 41.0, "plan": "basic", "town": None}, {"age": 41.0}, {}]
    with pytest.raises(InvalidRequest, match=r"rows\[1\]\.age"):
        model.classify([{"age": 1}, {"age": [1, 2]}])


def test_forecasts_of_one_series_and_of_many(client: Client) -> None:
    model = client.model("airline")
    season = [float(month) for month in range(12)]
    assert model.forecast(season, horizon=2).series == ((0.0, 1.0),)
    many = model.forecast(np.array([season, season[::-1]]), horizon=2)
    assert many.series == ((0.0, 1.0), (11.0, 10.0))
    np.testing.assert_array_equal(many.to_numpy(), [[0, 1], [11, 10]])
    with pytest.raises(InvalidRequest, match="one mapping for each of 2"):
        model.forecast([season, season], covariates=[{}])
    with pytest.raises(InvalidRequest, match=r"history\[1\].*'x'"):
        model.forecast([1.0, "x"])


def test_predict_asks_whatever_the_model_was_trained_for(client: Client) -> None:
    kinds = {
        "digits": b"image",
        "sms": "hello",
        "airline": [1.0, 2.0],
        "churn": {"age": 1},
        "abalone": [{"age": 1}],
    }
    answers = {
        name: type(client.model(name).predict(given)).__name__ for name, given in kinds.items()
    }
    assert answers == {
        "digits": "Classifications",
        "sms": "Classifications",
        "airline": "Forecasts",
        "churn": "Classifications",
        "abalone": "Values",
    }


def test_a_large_call_is_cut_and_put_together_in_order(fake: FakeServer, client: Client) -> None:
    fake.add_model(FakeModel("plus", "tabular_regression", answer=lambda row: row["n"] + 1))
    answer = client.model("plus").predict([{"n": n} for n in range(1000)])
    np.testing.assert_array_equal(answer.to_numpy(), np.arange(1, 1001))
    assert fake.calls.count("/modelyard.v1.TabularService/PredictValues") == 4


def test_large_examples_are_cut_by_their_bytes(fake: FakeServer, client: Client) -> None:
    client.model("digits").classify([bytes(7 * 1024 * 1024)] * 5)
    assert fake.calls.count("/modelyard.v1.VisionService/ClassifyImages") == 3


def test_one_version_answers_a_call_that_is_cut(fake: FakeServer, client: Client) -> None:
    """A version that is published and one that disappears between two parts change nothing."""
    swaps = iter(((1, 2), (2,)))

    def swap(row: Any) -> float:
        if row["n"] == 255 and (versions := next(swaps, None)):
            fake.add_model(FakeModel("swap", "tabular_regression", answer=swap, versions=versions))
        return 1.0

    fake.add_model(FakeModel("swap", "tabular_regression", answer=swap))
    rows = [{"n": n} for n in range(600)]
    first = client.model("swap").predict(rows)  # 2 is published meanwhile
    second = client.model("swap", version=1).is_served()
    third = client.model("swap").predict(rows)  # 1 is gone by now
    assert (first.version, second, third.version) == (1, True, 2)


def test_a_wrong_example_is_named_by_its_place_in_the_whole_call(client: Client) -> None:
    with pytest.raises(InvalidRequest) as caught:
        client.model("digits").classify([*[b"x"] * 300, b""])
    assert [violation.field for violation in caught.value.violations] == ["images[300]"]


def test_versions_and_aliases(fake: FakeServer, client: Client) -> None:
    fake.add_model(
        FakeModel("two", "image_classification", ("a",), versions=(1, 2), aliases={"stable": 1})
    )
    ask = {"newest": {}, "version": {"version": 1}, "alias": {"alias": "stable"}}
    answered = {k: client.model("two", **v).classify(b"x").version for k, v in ask.items()}  # type: ignore[arg-type]  # values of two types
    assert answered == {"newest": 2, "version": 1, "alias": 1}
    with pytest.raises(NotFound) as caught:
        client.model("two", alias="nowhere").classify(b"x")
    assert (caught.value.reason, caught.value.retryable) == ("UNKNOWN_ALIAS", False)
    with pytest.raises(InvalidRequest, match="not both"):
        client.model("two", version=1, alias="stable")


def test_nothing_to_ask(client: Client) -> None:
    with pytest.raises(InvalidRequest):
        client.model("digits", task="image_classification").classify([])


def test_answers_show_themselves(client: Client) -> None:
    classes = client.model("sms").classify(["hello"] * 7)
    assert repr(classes).startswith("<Classifications of sms version 1: ")
    assert repr(classes).endswith(", … 2 more>")
    assert classes.class_names == ("ham", "spam")
    scores = classes.to_numpy()
    assert (scores.shape, scores.dtype) == ((7, 2), np.float32)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    assert classes._repr_html_().count("<tr>") == 8
    best = client.model("sms").classify(["hello"], top_k=1)
    assert best.to_numpy().shape == (1, 1)


def test_a_forecast_draws_itself(client: Client) -> None:
    picture = client.model("airline").forecast([1.0, 3.0, 2.0], horizon=3)._repr_html_()
    assert 'points="4.0,92.0 160.0,4.0 316.0,48.0"' in picture  # lowest, highest, in the middle
    assert "from 1 to 3" in picture
    assert picture.count("<tr>") == 4
    assert "<svg" not in client.model("airline").forecast([1.0], horizon=1)._repr_html_()


def test_an_array_that_cannot_be_made_says_what_is_missing(client: Client) -> None:
    """pandas is kept out of this environment."""
    with pytest.raises(FailedPrecondition, match="pip install pandas"):
        client.model("abalone").predict({"a": 1}).to_pandas()


def test_many_calls_at_once_awaited(fake: FakeServer) -> None:
    async def story() -> list[str]:
        async with fake.async_client() as client:
            model = client.model("sms", task="text_classification")
            answers = await asyncio.gather(*(model.classify(f"text {n}") for n in range(50)))
            with pytest.raises(ApiError):
                await client.model("nobody").classify(b"x")
            return [answer.top.name for answer in answers]

    with fake.client() as client:
        expected = [client.model("sms").classify(f"text {n}").top.name for n in range(50)]
    assert asyncio.run(story()) == expected


def test_threads_share_a_client(client: Client) -> None:
    texts = [f"text {n}" for n in range(200)]
    alone = [client.model("sms").classify(text).top.name for text in texts[:20]]
    with ThreadPoolExecutor(16) as pool:
        model = client.model("sms")
        together = list(pool.map(lambda text: model.classify(text).top.name, texts))
    assert together[:20] == alone


def test_a_busy_service_says_when_to_ask_again(fake: FakeServer, client: Client) -> None:
    """RetryInfo of gRPC, as Retry-After of HTTP."""
    fake.refuse_next_calls(2, code="RESOURCE_EXHAUSTED", reason="QUEUE_FULL", retry_after=0.4)
    began = time.monotonic()
    assert client.model("digits").classify(b"x").version == 1
    assert 0.8 <= time.monotonic() - began < 5
    assert fake.calls == ("/modelyard.v1.VisionService/ClassifyImages",) * 3

    fake.refuse_next_calls(1, code="RESOURCE_EXHAUSTED", reason="QUEUE_FULL", retry_after=60)
    with pytest.raises(ResourceExhausted) as caught:  # longer than the call may take
        client.with_options(timeout=1).model("digits").classify(b"x")
    assert (caught.value.reason, caught.value.retry_after) == ("QUEUE_FULL", 60)

    fake.refuse_next_calls(1, code="INVALID_ARGUMENT", reason="INVALID_REQUEST")
    with pytest.raises(InvalidRequest):  # what is wrong stays wrong
        client.model("digits").classify(b"x")
    assert len(fake.calls) == 5
