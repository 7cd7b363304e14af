"""What is said at the prompt becomes a message, and the same message for grpcurl."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from modelyard.cli.grpc_call import as_grpcurl, assigned, resolved
from modelyard.errors import InvalidRequest
from modelyard.v1 import tabular_pb2, text_pb2, vision_pb2

TEXTS = text_pb2.DESCRIPTOR.services_by_name["TextService"].methods_by_name["ClassifyTexts"]
IMAGES = vision_pb2.ClassifyImagesRequest.DESCRIPTOR


def test_fields_are_filled_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x00\xff")
    (tmp_path / "b.png").write_bytes(b"b")
    request = assigned(
        IMAGES,
        {"top_k": 1},
        [
            "model.name=digits",
            "model.version=3",
            f"images.encoded=@{tmp_path / 'a.png'}",
            f"images.encoded=@{tmp_path / 'b.png'}",
        ],
    )
    assert resolved(request) == {
        "top_k": 1,
        "model": {"name": "digits", "version": 3},
        "images": [
            {"encoded": base64.b64encode(b"\x00\xff").decode()},
            {"encoded": base64.b64encode(b"b").decode()},
        ],
    }


def test_a_text_is_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("grüße")
    said = ["texts=hello", f"texts=@{tmp_path / 'a.txt'}", 'texts=["x", "y"]']
    request = assigned(TEXTS.input_type, {}, said[:2])
    assert request == {"texts": ["hello", "grüße"]}
    assert assigned(TEXTS.input_type, {}, said[2:]) == {"texts": ["x", "y"]}


@pytest.mark.parametrize(
    "said", ["texts", "txts=a", "model.nam=a", "top_k.deeper=3", "texts=@no-such-file"]
)
def test_what_fits_no_field_is_refused(said: str) -> None:
    with pytest.raises(InvalidRequest):
        assigned(TEXTS.input_type, {}, [said])


@pytest.mark.parametrize(
    "text", ["plain", "it's", '"quoted"', "$HOME `id` $(id)", "back\\slash", "two\nlines", "JSON"]
)
def test_a_shell_hands_grpcurl_what_was_meant(tmp_path: Path, text: str) -> None:
    """A script stands in for grpcurl and tells what it was given."""
    (tmp_path / "it's a file").write_bytes(b"\x00\xff" * 100)
    request: dict[str, Any] = {"texts": [text]}
    assert given_to_grpcurl(tmp_path, as_grpcurl(TEXTS, request, "host:1")) == request

    with_file = assigned(tabular_pb2.DESCRIPTOR.message_types_by_name["Row"], {}, []) | assigned(
        IMAGES, {"model": {"name": text}}, [f"images.encoded=@{tmp_path}/it's a file"]
    )
    command = as_grpcurl(TEXTS, with_file, "host:1")
    assert given_to_grpcurl(tmp_path, command) == resolved(with_file)


def given_to_grpcurl(folder: Path, command: str) -> Any:
    script = folder / "grpcurl"
    script.write_text('#!/bin/sh\nif [ "$3" = @ ]; then cat; else printf %s "$3"; fi\n')
    script.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{folder}:/usr/bin:/bin", "HOME": "/nowhere"},
    )
    return json.loads(done.stdout)
