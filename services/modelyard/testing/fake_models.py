"""The models of the fake: what they are, and what they answer. The same input always has the same answer."""

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from modelyard.errors import Code, Violation
from modelyard.testing.fake_errors import Refused, not_found

DIGITS = tuple("0123456789")
_CLASSIFIERS = ("image_classification", "text_classification", "tabular_classification")


@dataclass(frozen=True)
class FakeModel:
    """What a published model is and answers.

    `answer` takes one example (bytes of an image, a text, a list of numbers, or a mapping of columns) and
    returns the class, the number, or the list of next values. Without it the answer is made from the
    example's bytes: a forecast repeats the last season, a classifier and a regression choose by a hash.
    """

    name: str
    task: str
    """image_classification, text_classification, tabular_classification, tabular_regression or forecasting."""
    classes: tuple[str, ...] = ()
    horizon: int = 12
    answer: Callable[[Any], Any] | None = None
    versions: tuple[int, ...] = (1,)
    aliases: Mapping[str, int] = field(default_factory=dict)

    @property
    def latest(self) -> int:
        return max(self.versions)

    def scores(self, example: Any) -> dict[str, float]:
        """One for each class, their sum is 1, best first."""
        classes = self.classes or ("a", "b")
        best = str(self.answer(example)) if self.answer else classes[_hash(example) % len(classes)]
        if best not in classes:
            classes = (best, *classes)
        rest = 0.25 / max(1, len(classes) - 1)
        others = {name: rest for name in classes if name != best}
        return {best: 1.0 - rest * len(others)} | others

    def value(self, row: Mapping[str, Any]) -> float:
        return float(self.answer(row)) if self.answer else _hash(sorted(row.items())) % 1000 / 10

    def next_values(self, history: Sequence[float], horizon: int) -> list[float]:
        if self.answer is not None:
            return [float(value) for value in self.answer(list(history))][: horizon or None]
        last = list(history[-self.horizon :])
        return [last[step % len(last)] for step in range(horizon or self.horizon)]

    def summary(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "task": self.task,
            "latest": self.latest,
            "versions": sorted(self.versions, reverse=True),
            "aliases": dict(self.aliases),
        }

    def described(self) -> dict[str, Any]:
        versions = [self.version(number) for number in sorted(self.versions, reverse=True)]
        return {"name": self.name, "aliases": dict(self.aliases), "versions": versions}

    def version(self, number: int) -> dict[str, Any]:
        if number not in self.versions:
            raise not_found("version", f"{self.name}/{number}", "VERSION_NOT_FOUND")
        named = sorted(alias for alias, target in self.aliases.items() if target == number)
        manifest = {
            "model": self.name,
            "version": number,
            "task": {"type": self.task},
            "classes": list(self.classes) or None,
            "serving": {"horizon": self.horizon} if self.task == "forecasting" else {},
        }
        return {"version": number, "aliases": named, "manifest": manifest}


CANNED = (
    FakeModel("digits", "image_classification", DIGITS, aliases={"stable": 1}),
    FakeModel("sms", "text_classification", ("ham", "spam"), aliases={"stable": 1}),
    FakeModel("airline", "forecasting", aliases={"stable": 1}),
    FakeModel("churn", "tabular_classification", ("no", "yes"), aliases={"stable": 1}),
    FakeModel("abalone", "tabular_regression", aliases={"stable": 1}),
)


class FakeModels:
    def __init__(self, models: Sequence[FakeModel]) -> None:
        self._lock = threading.Lock()
        self._models = {model.name: model for model in models}

    def all(self) -> list[FakeModel]:
        with self._lock:
            return [self._models[name] for name in sorted(self._models)]

    def put(self, model: FakeModel) -> None:
        with self._lock:
            self._models[model.name] = model

    def get(self, name: str) -> FakeModel:
        with self._lock:
            if name not in self._models:
                raise not_found("model", name, "MODEL_NOT_FOUND")
            return self._models[name]

    def publish(self, name: str, version: int, like: FakeModel, aliases: Sequence[str]) -> None:
        with self._lock:
            known = self._models.get(name)
            model = like if known is None else replace(like, aliases=known.aliases)
            versions = (*(() if known is None else known.versions), version)
            moved = dict(model.aliases) | dict.fromkeys(aliases, version)
            self._models[name] = replace(model, name=name, versions=versions, aliases=moved)

    def next_version(self, name: str) -> int:
        with self._lock:
            return self._models[name].latest + 1 if name in self._models else 1

    def asked(self, spec: Any, tasks: Sequence[str]) -> tuple[FakeModel, int]:
        """The model and the version that a ModelSpec chooses."""
        if not spec.name:
            raise Refused(
                Code.INVALID_ARGUMENT,
                "INVALID_REQUEST",
                "model.name: is missing (expected the name of a model)",
                (Violation("model.name", "is missing"),),
            )
        model = self.get(spec.name)
        if model.task not in tasks:
            message = f"model {model.name} was trained for {model.task}, and this call is for {' or '.join(tasks)}"
            raise Refused(Code.FAILED_PRECONDITION, "WRONG_TASK", message)
        return model, self._chosen(model, spec)

    def set_alias(self, name: str, alias: str, version: int) -> dict[str, int]:
        model = self.get(name)
        model.version(version)
        self.put(replace(model, aliases=dict(model.aliases) | {alias: version}))
        return dict(self.get(name).aliases)

    def remove_alias(self, name: str, alias: str) -> dict[str, int]:
        model = self.get(name)
        if alias not in model.aliases:
            raise not_found("alias", alias, "ALIAS_NOT_FOUND")
        left = {known: version for known, version in model.aliases.items() if known != alias}
        self.put(replace(model, aliases=left))
        return left

    def delete_version(self, name: str, version: int) -> None:
        model = self.get(name)
        if model.version(version)["aliases"]:
            message = f"an alias names version {version} of {name}"
            raise Refused(Code.FAILED_PRECONDITION, "VERSION_HAS_ALIAS", message)
        left = tuple(number for number in model.versions if number != version)
        with self._lock:
            if left:
                self._models[name] = replace(model, versions=left)
            else:
                del self._models[name]

    def _chosen(self, model: FakeModel, spec: Any) -> int:
        match spec.WhichOneof("choice"):
            case "version":
                if spec.version not in model.versions:
                    raise not_found("version", f"{model.name}/{spec.version}", "VERSION_NOT_FOUND")
                return int(spec.version)
            case "alias":
                if spec.alias not in model.aliases:
                    raise not_found("alias", spec.alias, "UNKNOWN_ALIAS")
                return model.aliases[spec.alias]
            case _:
                return model.latest


def _hash(example: Any) -> int:
    data = example if isinstance(example, bytes) else repr(example).encode()
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")
