"""What is loaded and unloaded, decided from snapshots alone."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from modelyard.inference.policy import Load, Snapshot, Unload, answer_aliases, decide

M = "m"


def snapshot(
    found: set[int],
    available: set[int] = frozenset(),  # type: ignore[assignment]  # an empty one is both
    quarantined: set[int] = frozenset(),  # type: ignore[assignment]  # the same
    aliases: dict[str, int] | None = None,
    answered: dict[str, int] | None = None,
) -> Snapshot:
    return Snapshot(
        {M: frozenset(found)} if found else {},
        {M: aliases or {}},
        {M: answered or {}},
        frozenset((M, version) for version in available),
        frozenset((M, version) for version in quarantined),
    )


def test_the_newest_version_is_loaded_and_nothing_else() -> None:
    assert decide(snapshot({1, 2, 10}), 1) == [Load(M, 10)]
    assert decide(snapshot({1, 2, 10}), 2) == [Load(M, 10), Load(M, 2)]
    assert decide(snapshot({10}, available={10}), 1) == []


def test_the_old_version_leaves_only_when_the_new_one_is_available() -> None:
    assert decide(snapshot({1, 2}, available={1}), 1) == [Load(M, 2)]
    assert decide(snapshot({1, 2}, available={1, 2}), 1) == [Unload(M, 1)]


def test_a_quarantined_version_takes_nobodys_place() -> None:
    assert decide(snapshot({1, 2}, available={1}, quarantined={2}), 1) == []
    assert decide(snapshot({1, 2}, quarantined={2}), 1) == [Load(M, 1)]


def test_what_an_alias_names_is_kept() -> None:
    both = snapshot({1, 2}, available={1, 2}, aliases={"stable": 1}, answered={"stable": 1})
    assert decide(both, 1) == []


def test_a_moved_alias_is_answered_from_where_it_was_until_the_new_version_is_available() -> None:
    moved = {"aliases": {"stable": 2}, "answered": {"stable": 1}}
    loading = snapshot({1, 2, 3}, available={1, 3}, **moved)  # type: ignore[arg-type]  # of a dict
    assert answer_aliases(loading) == {M: {"stable": 1}}
    assert decide(loading, 1) == [Load(M, 2)]
    broken = snapshot({1, 2, 3}, available={1, 3}, quarantined={2}, **moved)  # type: ignore[arg-type]  # of a dict
    assert answer_aliases(broken) == {M: {"stable": 1}}
    assert decide(broken, 1) == [], "it still answers, so it stays"
    loaded = snapshot({1, 2, 3}, available={1, 2, 3}, **moved)  # type: ignore[arg-type]  # of a dict
    assert answer_aliases(loaded) == {M: {"stable": 2}}
    assert decide(loaded, 1) == [Unload(M, 1)]


def test_an_alias_that_names_nothing_available_is_left_out() -> None:
    assert answer_aliases(snapshot({1, 2}, available={2}, aliases={"stable": 1})) == {}
    removed = snapshot({2}, available={1, 2}, aliases={}, answered={"stable": 1})
    assert answer_aliases(removed) == {}


def test_a_removed_model_is_unloaded() -> None:
    assert decide(snapshot(set(), available={1, 2}), 1) == [Unload(M, 1), Unload(M, 2)]


def test_the_newest_of_every_model_comes_before_older_ones_of_any() -> None:
    many = Snapshot({"a": frozenset({1, 2}), "b": frozenset({1, 2})})
    assert decide(many, 2) == [Load("a", 2), Load("b", 2), Load("a", 1), Load("b", 1)]


VERSIONS = st.sets(st.integers(1, 6))


@given(
    steps=st.lists(
        st.tuples(
            VERSIONS.filter(bool),
            st.dictionaries(st.sampled_from(["stable", "next"]), st.integers(1, 6)),
            VERSIONS,
        ),
        min_size=1,
        max_size=6,
    ),
    keep=st.integers(1, 3),
)
def test_swaps_leave_no_gap(steps: list[Any], keep: int) -> None:
    """Whatever happens in the directory, what could be answered before an action can be after it."""
    available: set[int] = set()
    answered: dict[str, int] = {}
    for found, aliases, broken in steps:
        quarantined: set[int] = set()
        aliases = {alias: version for alias, version in aliases.items() if version in found}
        for _ in range(50):
            now = snapshot(found, available, quarantined, aliases, answered)
            before, answered = answered, answer_aliases(now).get(M, {})
            assert set(before) & set(aliases) <= set(answered), "an alias lost its answer"
            now = snapshot(found, available, quarantined, aliases, answered)
            actions = decide(now, keep)
            if not actions:
                break
            had = bool(available)
            match actions[0]:
                case Load(_, version):
                    assert version in found
                    assert version not in available
                    (quarantined if version in broken else available).add(version)
                case Unload(_, version):
                    available.remove(version)
                    assert version not in answered.values()
            assert not had or available, "the model has no version left"
        else:
            raise AssertionError("it never settles")
        newest = sorted(found - quarantined)[-keep:]
        assert set(newest) <= available
