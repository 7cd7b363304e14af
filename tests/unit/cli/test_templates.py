"""Requests to start from are right, and those of the examples are the examples."""

from pathlib import Path

import pytest
import yaml

from modelyard.cli import templates
from modelyard.errors import NotFound
from modelyard.job import JobRequest

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize("name", templates.names())
def test_a_template_is_a_request(name: str) -> None:
    body = yaml.safe_load(templates.read(name))
    if "://" not in body["dataset"]["source"]:
        body["dataset"]["source"] = f"dataset://{'0' * 64}"  # as `train` names it once it was sent
    request = JobRequest.model_validate(body)
    assert request.publish.model == name
    assert templates.summary(name)


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_are_among_them(example: Path) -> None:
    assert templates.read(example.stem) == example.read_text()


@pytest.mark.parametrize("name", ["nothing", "../__init__", "", "digits.yaml"])
def test_another_name_is_no_template(name: str) -> None:
    with pytest.raises(NotFound, match="there are: abalone"):
        templates.read(name)
