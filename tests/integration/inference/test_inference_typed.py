"""The typed services of modelyard.v1, asked by the generated client."""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from modelyard.v1 import (
    forecasting_pb2,
    forecasting_pb2_grpc,
    model_pb2,
    tabular_pb2,
    tabular_pb2_grpc,
    text_pb2,
    text_pb2_grpc,
    vision_pb2,
    vision_pb2_grpc,
)


def png(brightness: int, width: int = 3, height: int = 2) -> bytes:
    """A grey PNG, written by hand."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + bytes([brightness]) * width for _ in range(height))
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.fixture
def channel(start: Any, publish: Any, store: Any) -> Iterator[grpc.Channel]:
    for source in ("images", "texts", "series", "classified", "valued"):
        publish(source, source, 7)
    store.set_aliases("images", {"stable": 7})
    return start().channel()


def model(name: str, **choice: Any) -> model_pb2.ModelSpec:
    return model_pb2.ModelSpec(name=name, **choice)


def scores(classification: model_pb2.Classification) -> list[tuple[str, float]]:
    return [(each.name, pytest.approx(each.score, abs=1e-6)) for each in classification.classes]


def failure(call: Any, request: Message) -> tuple[str, str, list[str]]:
    """Code, reason, and the fields that were wrong."""
    with pytest.raises(grpc.RpcError) as raised:
        call(request)
    status = rpc_status.from_call(raised.value)
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad)
    assert info.domain == "modelyard"
    return raised.value.code().name, info.reason, [each.field for each in bad.field_violations]


def test_typed_services(channel: grpc.Channel) -> None:
    vision = vision_pb2_grpc.VisionServiceStub(channel).ClassifyImages
    texts = text_pb2_grpc.TextServiceStub(channel).ClassifyTexts
    forecast = forecasting_pb2_grpc.ForecastingServiceStub(channel).Forecast
    tables = tabular_pb2_grpc.TabularServiceStub(channel)
    vision_answers(vision)
    vision_refuses(vision)
    texts_answer(texts)
    forecasts_answer(forecast)
    tables_answer(tables)


def vision_answers(call: Any) -> None:
    images = [vision_pb2.Image(encoded=png(51)), vision_pb2.Image(encoded=png(204, 5, 4))]
    answer = call(vision_pb2.ClassifyImagesRequest(model=model("images"), images=images))
    assert answer.model == model("images", version=7)
    assert scores(answer.results[0]) == [("dark", 0.8), ("bright", 0.2)]
    assert scores(answer.results[1]) == [("bright", 0.8), ("dark", 0.2)]
    assert answer.latency.run_seconds > 0
    assert answer.latency.queue_seconds >= 0

    pixels = vision_pb2.PixelArray(height=1, width=2, channels=1, data=bytes([0, 102]))
    by_alias = vision_pb2.ClassifyImagesRequest(
        model=model("images", alias="stable"), images=[vision_pb2.Image(pixels=pixels)], top_k=1
    )
    assert [scores(each) for each in call(by_alias).results] == [[("dark", 0.8)]]


def vision_refuses(call: Any) -> None:
    def refused(*images: vision_pb2.Image, **fields: Any) -> tuple[str, str, list[str]]:
        fields = {"model": model("images")} | fields
        return failure(call, vision_pb2.ClassifyImagesRequest(images=images, **fields))

    good = vision_pb2.Image(encoded=png(9))
    wrong = ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert refused() == (*wrong, ["images"])
    assert refused(good, vision_pb2.Image(encoded=b"garbage")) == (*wrong, ["images[1].encoded"])
    assert refused(vision_pb2.Image(encoded=png(9, 70_000, 1)[:60] + b"x"))[0] == wrong[0]
    bomb = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", 60_000, 60_000)
    assert refused(vision_pb2.Image(encoded=bomb)) == (*wrong, ["images[0].encoded"])
    assert refused(vision_pb2.Image()) == (*wrong, ["images[0]"])
    assert refused(good, top_k=-1) == (*wrong, ["top_k"])
    assert refused(good, model=model("")) == (*wrong, ["model.name"])
    assert refused(good, model=model("images", version=9))[:2] == ("NOT_FOUND", "VERSION_NOT_FOUND")
    assert refused(good, model=model("nothing"))[:2] == ("NOT_FOUND", "MODEL_NOT_FOUND")
    assert refused(good, model=model("texts"))[:2] == ("FAILED_PRECONDITION", "WRONG_TASK")
    huge = vision_pb2.PixelArray(height=2**31 - 1, width=2**31 - 1, channels=3, data=b"123")
    assert refused(vision_pb2.Image(pixels=huge)) == (*wrong, ["images[0].pixels.data"])
    red = vision_pb2.PixelArray(height=1, width=1, channels=3, data=b"123")
    assert refused(vision_pb2.Image(pixels=red)) == (*wrong, ["images[0].pixels.channels"])


def texts_answer(call: Any) -> None:
    texts = ["call 0800 now", "see you at ten", "", "\N{SNOWMAN} 7"]
    answer = call(text_pb2.ClassifyTextsRequest(model=model("texts"), texts=texts, top_k=1))
    assert [each.classes[0].name for each in answer.results] == ["spam", "ham", "ham", "spam"]
    assert failure(call, text_pb2.ClassifyTextsRequest(model=model("texts"))) == (
        *("INVALID_ARGUMENT", "INVALID_REQUEST"),
        ["texts"],
    )


def forecasts_answer(call: Any) -> None:
    def series(*values: float, steps: list[float] | None = None) -> forecasting_pb2.Series:
        steps = [0.5] * len(values) if steps is None else steps
        covariates = [forecasting_pb2.Covariate(name="step", values=steps)]
        return forecasting_pb2.Series(values=values, covariates=covariates)

    def asked(*each: forecasting_pb2.Series, **fields: Any) -> forecasting_pb2.ForecastRequest:
        return forecasting_pb2.ForecastRequest(model=model("series"), series=each, **fields)

    lengths = asked(series(1, 2, 3), series(5, 6, 7, 8, 9))
    answer = call(lengths)
    assert [list(each.values) for each in answer.forecasts] == [[3.5, 4, 4.5], [9.5, 10, 10.5]]
    assert list(call(asked(series(1, 2, 3), horizon=1)).forecasts[0].values) == [3.5]

    wrong = ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert failure(call, asked(series(1, 2))) == (*wrong, ["series[0].values"])
    assert failure(call, asked(series(1, 2, 3), horizon=4)) == (*wrong, ["horizon"])
    nan = asked(series(1, 2, 3), series(0, 1, 2, float("nan")))
    assert failure(call, nan) == (*wrong, ["series[1].values[3]"])
    assert failure(call, asked(series(1, 2, 1e39))) == (*wrong, ["series[0].values[2]"])
    short = asked(series(1, 2, 3, steps=[1]))
    assert failure(call, short) == (*wrong, ["series[0].covariates[step].values"])
    bare = asked(forecasting_pb2.Series(values=[1, 2, 3]))
    assert failure(call, bare) == (*wrong, ["series[0].covariates"])


def tables_answer(tables: tabular_pb2_grpc.TabularServiceStub) -> None:
    def row(**values: float | str) -> tabular_pb2.Row:
        kinds = {
            {"height": "height in cm"}.get(name, name): tabular_pb2.Value(text=value)
            if isinstance(value, str)
            else tabular_pb2.Value(number=value)
            for name, value in values.items()
        }
        return tabular_pb2.Row(values=kinds)

    rows = [row(height=190, colour="red"), row(colour="red"), row(height=170)]
    answer = tables.ClassifyRows(
        tabular_pb2.ClassifyRowsRequest(model=model("classified"), rows=rows, top_k=1)
    )
    assert [each.classes[0].name for each in answer.results] == ["tall", "short", "short"]
    values = tables.PredictValues(
        tabular_pb2.PredictValuesRequest(model=model("valued"), rows=rows)
    )
    assert list(values.values) == [193, 3, 170]

    def refused(each: tabular_pb2.Row) -> tuple[str, str, list[str]]:
        request = tabular_pb2.PredictValuesRequest(model=model("valued"), rows=[each])
        return failure(tables.PredictValues, request)

    wrong = ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert refused(row(height="tall")) == (*wrong, ["rows[0].values[height in cm]"])
    assert refused(row(colour=3)) == (*wrong, ["rows[0].values[colour]"])
    assert refused(row(width=3)) == (*wrong, ["rows[0].values[width]"])
    assert refused(row(height=float("inf"))) == (*wrong, ["rows[0].values[height in cm]"])
