"""The datasets that the package ships: complete, unchanged, and with their licences beside them."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from modelyard.dataset_store import DatasetStore
from modelyard.datasets import CSV, NPZ
from modelyard.datasets.source import BUILTIN
from modelyard.errors import BadData


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    return DatasetStore(tmp_path)


def test_digits(store: DatasetStore) -> None:
    examples = NPZ(source="builtin://digits").open(store)

    images = examples.columns["image"]
    assert (images.shape, images.dtype) == ((1797, 8, 8, 1), np.uint8)
    assert (images.min(), images.max()) == (0, 255)
    # how often each digit comes, as UCI's documentation of the test part says
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(examples.columns["label"]).tolist() == counts


def test_sms(store: DatasetStore) -> None:
    labels = CSV(source="builtin://sms").open(store).columns["label"].tolist()

    # as its readme says
    assert (labels.count("ham"), labels.count("spam"), len(labels)) == (4827, 747, 5574)


def test_airline(store: DatasetStore) -> None:
    examples = CSV(source="builtin://airline").open(store)

    passengers = examples.columns["passengers"]
    assert len(passengers) == 144
    assert (passengers[0], passengers[-1], passengers.max()) == (112, 432, 622)
    assert examples.columns["month"][[0, -1]].tolist() == ["1949-01", "1960-12"]


def test_abalone(store: DatasetStore) -> None:
    schema = CSV(source="builtin://abalone").schema(store)

    assert schema.rows == 4177
    assert schema.columns["sex"].classes == ("F", "I", "M")


def test_every_one_has_its_licence() -> None:
    folder = resources.files("modelyard.datasets.builtin")
    licences = (folder / "LICENCES.md").read_text()

    shipped = {file.name for file in folder.iterdir() if file.name.endswith((".csv", ".npz"))}
    assert shipped == set(BUILTIN.values())
    assert all(f"`{name}`" in licences for name in shipped)


def test_a_format_that_is_not_the_files(store: DatasetStore) -> None:
    with pytest.raises(BadData, match=r"sms\.csv: is no readable archive"):
        NPZ(source="builtin://sms").open(store)
    with pytest.raises(BadData, match=r"digits\.npz:1"):
        CSV(source="builtin://digits").open(store)


def test_a_digest_is_of_the_bytes(store: DatasetStore) -> None:
    file = resources.files("modelyard.datasets.builtin") / "sms.csv"

    assert CSV(source="builtin://sms").digest(store) == store.put([file.read_bytes()])
