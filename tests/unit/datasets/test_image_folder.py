"""A zip of a folder of images, as people make it."""

import io
import tarfile
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


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("flavour", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_a_tar_holds_the_same(store: DatasetStore, mode: str, flavour: int) -> None:
    long = f"dog/{'é' * 90}{'x' * 90}.png"  # longer than the header of tar has room for
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, format=flavour) as archive:  # type: ignore[call-overload]  # the mode varies
        folder = tarfile.TarInfo("dog")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name in (long, "cat/a.png", "dog/.DS_Store"):
            member = tarfile.TarInfo(name)
            member.size = 512
            archive.addfile(member, io.BytesIO(name[:3].encode().ljust(512, b".")))
    dataset = ImageFolder(source=f"dataset://{store.put([file.getvalue()], name='pets.tar')}")

    examples = dataset.open(store)

    assert examples.columns["label"].tolist() == ["cat", "dog"]
    assert [image[:3] for image in examples.columns["image"]] == [b"cat", b"dog"]
    assert examples.where(1) == f"pets.tar/{long}"
    assert dataset.schema(store).columns["label"].classes == ("cat", "dog")
    assert len(dataset.head(store, 1)) == 1
