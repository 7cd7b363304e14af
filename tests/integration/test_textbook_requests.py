"""The requests of docs/how-to/textbook.md are prepared as a trainer prepares them, and learn something."""

from pathlib import Path

import keras
import pytest
import yaml

from modelyard.job import JobRequest
from modelyard.training.attempt import Attempt
from modelyard.training.lifeline import StopSignal
from modelyard.training.preparation import prepare

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "examples" / "textbook").glob("*.yaml"))

REACHED = {
    # Ordinary least squares explain about 0.53 of all rows.
    "01-neuron": ("r2", 0.40),
    "02-gradient-descent": ("r2", 0.40),
    "03-hidden-layer": ("r2", 0.45),
    "04-counts": ("r2", 0.45),
    "05-schedule": ("accuracy", 0.90),
    "06-regularisation": ("accuracy", 0.90),
    "07-augmentation": ("accuracy", 0.85),
    "08-residual": ("accuracy", 0.85),
    "09-rare-classes": ("mcc", 0.75),
}
"""What the test part shows at least, far above the baselines: 0 for r2 and mcc, 0.1 for accuracy."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_textbook_request_learns(file: Path, tmp_path: Path) -> None:
    request = JobRequest.model_validate(yaml.safe_load(file.read_text()))
    attempt = Attempt(
        job="a-job",
        fence=1,
        request=request,
        models=tmp_path / "models",
        datasets=tmp_path / "datasets",
        work=tmp_path / "work",
    )
    keras.utils.set_random_seed(request.training.seed)

    prepared = prepare(attempt, StopSignal())
    x, y, *weights = prepared.train.arrays
    history = prepared.fitted.fit(
        x,
        y,
        sample_weight=weights[0] if weights else None,
        batch_size=prepared.train.batch_size,
        epochs=request.training.epochs,
        verbose=0,
    ).history
    found = prepared.learning.evaluate(prepared.model)

    assert history["loss"][-1] < history["loss"][0]
    if file.stem in REACHED:
        metric, least = REACHED[file.stem]
        assert found.metrics[metric] >= least


def test_the_page_shows_every_request_as_it_is() -> None:
    page = (ROOT / "docs" / "how-to" / "textbook.md").read_text()
    for file in FILES:
        assert f"../../examples/textbook/{file.name}" in page
