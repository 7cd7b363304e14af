"""The model directory: what is visible, what is kept, and what two writers at once may do to it."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from modelyard.errors import Conflict, InvalidRequest, NotFound
from modelyard.model_store import MANIFEST, Lineage, Manifest, ModelStore, is_name

Publish = Callable[..., Path]


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def manifest(version: int, job: str = "job-1") -> Manifest:
    return Manifest(
        model="digits",
        version=version,
        created_at="2026-01-01T00:00:00Z",
        task={"type": "image_classification"},
        network={"type": "dense"},
        parameters=1,
        signatures={},
        tolerance={},
        metrics={"accuracy": 0.9},
        lineage=Lineage(job=job, fence=1, dataset="d", seed=0, libraries={}),
    )


@pytest.fixture
def publish(store: ModelStore) -> Publish:
    def make(version: int, job: str = "job-1", fence: int = 1) -> Path:
        staged = store.staging(job, fence)
        (staged / "saved_model.pb").write_bytes(b"graph")
        (staged / "variables").mkdir()
        (staged / "variables/variables.index").write_bytes(b"weights %d" % version)
        sealed = store.seal(staged, manifest(version, job))
        return store.publish(staged, sealed)

    return make


def test_a_version_is_visible_as_a_whole_or_not_at_all(store: ModelStore) -> None:
    staged = store.staging("job-1", 1)
    (staged / "saved_model.pb").write_bytes(b"graph")
    sealed = store.seal(staged, manifest(1))
    assert store.names() == []
    assert store.versions("digits") == []
    store.publish(staged, sealed)
    assert store.names() == ["digits"]
    assert store.versions("digits") == [1]
    assert not staged.exists()


def test_the_manifest_names_the_digest_of_every_file(store: ModelStore, publish: Publish) -> None:
    folder = publish(1)
    files = json.loads((folder / MANIFEST).read_bytes())["files"]
    # printf graph | sha256sum
    assert files["saved_model.pb"] == (
        "eef93e1d14482804277fca0172464032d1a4fdbcc338524059fa1e861454ad4d"
    )
    assert files.keys() == {"saved_model.pb", "variables/variables.index"}
    assert store.damage("digits", 1) == []


@pytest.mark.parametrize(
    ("hurt", "found"),
    [
        (lambda f: (f / "saved_model.pb").write_bytes(b"grap"), ["saved_model.pb"]),
        (lambda f: (f / "variables/variables.index").unlink(), ["variables/variables.index"]),
        (lambda f: (f / "variables/more").write_bytes(b""), ["variables/more"]),
    ],
)
def test_damage_is_named(
    store: ModelStore, publish: Publish, hurt: Callable[[Path], object], found: list[str]
) -> None:
    hurt(publish(1))
    assert store.damage("digits", 1) == found


def test_a_version_is_never_replaced(store: ModelStore, publish: Publish) -> None:
    publish(1)
    with pytest.raises(Conflict):
        publish(1, job="job-2")
    assert store.published_by("job-1", "digits", 1)
    assert not store.published_by("job-2", "digits", 1)
    assert not store.published_by("job-1", "digits", 2)


def test_a_new_attempt_sweeps_what_older_ones_staged_and_nothing_else(store: ModelStore) -> None:
    old, other, newer = store.staging("a", 1), store.staging("b", 1), store.staging("a", 3)
    assert not old.exists()
    assert other.exists()
    store.staging("a", 2)
    assert newer.exists()


def test_names_that_are_no_models_are_not_seen(store: ModelStore, publish: Publish) -> None:
    publish(1)
    (store.root / "digits/notes").mkdir()
    (store.root / "digits/7").write_text("a file")
    (store.root / "Capital").mkdir()
    assert store.names() == ["digits"]
    assert store.versions("digits") == [1]
    assert store.versions("../models/digits") == []


def test_leading_zeros_are_the_same_number(store: ModelStore) -> None:
    (store.root / "old/00000123").mkdir(parents=True)
    assert store.versions("old") == [123]
    assert store.path("old", 123).name == "00000123"
    assert store.manifest("old", 123) is None


class TestAliases:
    def test_move_stay_and_go(self, store: ModelStore, publish: Publish) -> None:
        publish(1)
        publish(2)
        assert store.set_aliases("digits", {"stable": 1, "candidate": 2}) == {
            "stable": 1,
            "candidate": 2,
        }
        assert store.set_aliases("digits", {"stable": 2}) == {"stable": 2, "candidate": 2}
        assert store.set_aliases("digits", {"candidate": None}) == {"stable": 2}
        assert ModelStore(store.root).aliases("digits") == {"stable": 2}

    def test_only_to_a_version_that_is_there(self, store: ModelStore, publish: Publish) -> None:
        publish(1)
        with pytest.raises(NotFound):
            store.set_aliases("digits", {"stable": 2})
        assert store.aliases("digits") == {}

    @pytest.mark.parametrize("name", ["", "..", "a/b", "A", "ä", "x" * 64, "-a", "a\n"])
    def test_only_with_names_that_are_safe(
        self, store: ModelStore, publish: Publish, name: str
    ) -> None:
        publish(1)
        assert not is_name(name)
        with pytest.raises(InvalidRequest):
            store.set_aliases("digits", {name: 1})
        with pytest.raises(InvalidRequest):
            store.set_aliases(name, {"stable": 1})

    def test_many_writers_lose_nothing(self, store: ModelStore, publish: Publish) -> None:
        publish(1)
        names = [f"alias-{n}" for n in range(24)]
        threads = [
            threading.Thread(target=store.set_aliases, args=("digits", {name: 1})) for name in names
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.aliases("digits") == dict.fromkeys(names, 1)


class TestRetention:
    def test_the_newest_and_the_named_are_kept(self, store: ModelStore, publish: Publish) -> None:
        for version in range(1, 7):
            publish(version)
        store.set_aliases("digits", {"stable": 2})
        assert store.retain("digits", newest=2) == [1, 3, 4]
        assert store.versions("digits") == [2, 5, 6]
        assert store.retain("digits", newest=2) == []
        assert list((store.root / ".staging").iterdir()) == []

    def test_fewer_than_are_kept_stay(self, store: ModelStore, publish: Publish) -> None:
        publish(1)
        assert store.retain("digits", newest=10) == []
        assert store.versions("digits") == [1]
