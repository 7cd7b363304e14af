"""The example requests are valid, and the three of the demonstration reach their quality on the test part."""

from pathlib import Path
from typing import Any

import keras
import pytest
import yaml

from modelyard.dataset_store import DatasetStore
from modelyard.job import JobRequest
from modelyard.tasks import Evaluation

EXAMPLES = Path(__file__).parents[2] / "examples"


def request(name: str) -> JobRequest:
    content: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())
    return JobRequest.model_validate(content)


def trained(job: JobRequest, store: DatasetStore) -> Evaluation:
    """As a trainer does it, without its checkpoints."""
    keras.utils.set_random_seed(job.training.seed)
    learning = job.task.learn(job.dataset.open(store), job.training.validation, job.training.seed)
    model = job.network.build(learning.features, learning.head)
    model.compile(
        optimizer=job.training.optimizer.keras(steps=1),
        loss=job.training.loss_for(learning.head).keras(learning.head),
    )
    stopping = job.training.early_stopping
    assert stopping is not None
    features, targets = learning.arrays("train")
    model.fit(
        features,
        targets,
        batch_size=job.training.batch_size,
        epochs=job.training.epochs,
        validation_data=learning.arrays("validation"),
        callbacks=[
            keras.callbacks.EarlyStopping(
                "val_loss", patience=stopping.patience, restore_best_weights=True
            )
        ],
        verbose=0,
    )
    return learning.evaluate(model)


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_an_example_fits_its_dataset(file: Path, tmp_path: Path) -> None:
    store = DatasetStore(tmp_path)
    job = request(file.stem)
    schema = job.dataset.schema(store)

    job.task.check(job.dataset.open(store))
    head = job.task.head(schema)
    shape = job.network.check(job.task.features(schema), head)
    job.training.check_loss(head)

    assert shape == (head.units,)


@pytest.mark.parametrize(
    ("name", "metric", "least"),
    [("digits", "accuracy", 0.97), ("sms", "accuracy", 0.97)],
)
def test_classifiers_are_good(name: str, metric: str, least: float, tmp_path: Path) -> None:
    found = trained(request(name), DatasetStore(tmp_path))

    assert found.metrics[metric] >= least
    assert found.baseline[metric] < 0.9


def test_the_forecast_beats_the_last_season(tmp_path: Path) -> None:
    found = trained(request("airline"), DatasetStore(tmp_path))

    # 1.57 is what others have measured for the seasonal naive on the last twelve months
    assert found.baseline["mase"] == pytest.approx(1.57, abs=0.005)
    assert found.metrics["mase"] < 1.0
