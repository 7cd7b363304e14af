"""A zip of a folder of images, as people make it."""

import io
import zipfile
from pathlib import Path

import pytest

from modelyard.dataset_store import DatasetStore
from modelyard.datasets import ImageFolder
from modelyard.errors import BadData


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    return DatasetStore(tmp_path / "store")


def uploaded(store: DatasetStore, *names: str) -> ImageFolder:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"" if name.endswith("/") else name.encode())
    return ImageFolder(source=f"dataset://{store.put([file.getvalue()], name='pets.zip')}")


def test_folders_are_classes(store: DatasetStore) -> None:
    dataset = uploaded(
        store, "pets/", "pets/dog/", "pets/dog/b.JPG", "pets/cat/a.png", "__MACOSX/dog/._b.JPG"
    )

    examples = dataset.open(store)

    assert examples.columns["label"].tolist() == ["cat", "dog"]
    assert examples.columns["image"].tolist() == [b"pets/cat/a.png", b"pets/dog/b.JPG"]
    assert examples.where(1) == "pets.zip/pets/dog/b.JPG"
    schema = dataset.schema(store)
    assert (schema.rows, schema.columns["image"].kind) == (2, "bytes")
    assert schema.columns["label"].classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("names", "field", "message"),
    [
        (["cat/a.png", "cat/notes.txt"], "pets.zip/cat/notes.txt", "is no image"),
        (["cat/a.png", "b.png"], "pets.zip/b.png", "lies in no folder"),
        (["cat/"], "pets.zip", "holds no images"),
        ([], "pets.zip", "the archive is empty"),
    ],
)
def test_files_that_do_not_belong(
    store: DatasetStore, names: list[str], field: str, message: str
) -> None:
    dataset = uploaded(store, *names)

    for ask in (dataset.open, dataset.schema):
        with pytest.raises(BadData) as caught:
            ask(store)
        assert caught.value.violations[0].field == field
        assert message in caught.value.violations[0].message


def test_a_path_that_leads_out_is_only_a_name(store: DatasetStore, tmp_path: Path) -> None:
    examples = uploaded(store, "../../cat/a.png", "/etc//cat/./b.png").open(store)

    assert examples.columns["label"].tolist() == ["cat", "cat"]
    assert examples.columns["image"].tolist() == [b"../../cat/a.png", b"/etc//cat/./b.png"]
    assert [f.name for f in tmp_path.iterdir()] == ["store"]
