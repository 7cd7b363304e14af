"""No error can say a word that is not in the registry, and none there is said by nobody."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelyard import errors
from modelyard.client import errors as client_errors
from modelyard.errors import Code, ModelyardError
from modelyard.job import Reason as JobReason
from modelyard.reasons import REASONS, Area, Reason

SOURCE = Path(errors.__file__).parent
_WORD = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_CODES: dict[str, Code] = {
    kind.__name__: code
    for module in (errors, client_errors)
    for kind in vars(module).values()
    if isinstance(kind, type)
    and isinstance(code := getattr(kind, "code", getattr(kind, "default_code", None)), Code)
}
_NAMES_OF_REASONS = re.compile(r"(default_)?reason|_?[A-Z_]*REASON|_TOO_LARGE|why")


@dataclass(frozen=True)
class Said:
    """A reason in the source, and the error that it is given to, where that can be read there."""

    word: str
    where: str
    error: str | None


def everything_said() -> list[Said]:
    files = [f for f in SOURCE.rglob("*.py") if "v1" not in f.parts and f.name != "reasons.py"]
    trees = {str(file.relative_to(SOURCE)): ast.parse(file.read_text()) for file in files}
    # A constant may be said in another module than its own.
    everywhere = {k: v for tree in trees.values() for k, v in _module_constants(tree)}
    return [
        said
        for name, tree in trees.items()
        for said in _said_in(name, tree, everywhere | dict(_module_constants(tree)))
    ]


def _said_in(name: str, tree: ast.Module, constants: dict[str, str]) -> Iterator[Said]:
    for node in ast.walk(tree):
        where = f"{name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg == "reason":
                    for word in _words(keyword.value, constants):
                        yield Said(word, where, _error_of(node.func))
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and _NAMES_OF_REASONS.fullmatch(t.id) for t in targets):
                for word in _words(node.value, constants):
                    yield Said(word, where, None)


def _module_constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name) and isinstance(node.value.value, str):
                    yield target.id, node.value.value


def _words(value: ast.expr, constants: dict[str, str]) -> Iterator[str]:
    """The words that an expression may be: of a constant, of both arms of a choice, of a name."""
    match value:
        case ast.Constant(value=str(word)) if _WORD.fullmatch(word):
            yield word
        case ast.Name(id=name) | ast.Attribute(attr=name) if _is_word(constants.get(name)):
            yield constants[name]
        case ast.IfExp(body=body, orelse=other):
            yield from _words(body, constants)
            yield from _words(other, constants)
        case ast.BoolOp(values=values):
            for each in values:
                yield from _words(each, constants)


def _is_word(text: str | None) -> bool:
    return text is not None and _WORD.fullmatch(text) is not None


def _error_of(function: ast.expr) -> str | None:
    match function:
        case ast.Name(id=name) if name in _CODES:
            return name
        case ast.Attribute(value=ast.Name(id=name)) if name in _CODES:
            return name
    return None


def test_every_reason_that_is_raised_is_in_the_registry() -> None:
    """If it fails: add the reason to services/modelyard/reasons.py, and run `make docs`."""
    unknown = {
        f"{said.where} {said.word}" for said in everything_said() if said.word not in REASONS
    }
    assert not unknown


def test_the_registry_knows_the_code_of_every_reason() -> None:
    wrong = {
        f"{said.where} {said.word} {code}"
        for said in everything_said()
        if said.error is not None and said.word in REASONS
        for code in [_CODES[said.error]]
        if said.error not in ("JobFailed", "JobCancelled", "WaitTimeout", "ModelyardError")
        and code not in REASONS[said.word].codes
    }
    assert not wrong


def test_nothing_in_the_registry_is_said_by_nobody() -> None:
    said = {said.word for said in everything_said()} | {code.value for code in Code}
    assert not {name for name, r in REASONS.items() if r.area is not Area.JOB} - said


def test_the_end_of_a_job_has_the_reasons_of_the_registry() -> None:
    ends = {reason.value for reason in JobReason if reason}
    assert {name for name, reason in REASONS.items() if reason.area is Area.JOB} <= ends
    assert ends <= REASONS.keys()


def test_every_canonical_code_is_a_reason_by_itself() -> None:
    """An error without a word of its own says its code."""
    for code in Code:
        default = "INVALID_REQUEST" if code is Code.INVALID_ARGUMENT else code.value
        if code is Code.ABORTED:
            default = "CONFLICT"
        assert REASONS[default].codes == (code,)


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS.keys())
def test_a_reason_says_what_happened_and_how_to_mend_it(reason: Reason) -> None:
    assert _WORD.fullmatch(reason.name)
    for sentence in (reason.meaning, reason.mending):
        assert sentence[0].isupper() or sentence[0] == "`"
        assert sentence.endswith(".")
        assert "|" not in sentence  # it stands in a table


def test_an_error_without_a_reason_says_its_own() -> None:
    for kind in ModelyardError.__subclasses__():
        assert kind("…").reason in REASONS
