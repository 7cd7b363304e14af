"""What is given to `predict` at the prompt, read as what the task asks for."""

import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

_MISSING = {"", "NA", "NaN", "nan"}


@dataclass(frozen=True)
class History:
    """One series, oldest value first, with its further columns."""

    values: tuple[float, ...]
    covariates: dict[str, tuple[float, ...]] = field(default_factory=dict)


def texts(inputs: Sequence[str]) -> list[str]:
    """The arguments themselves; `-` is one text a line of standard input."""
    return _stdin().splitlines() if list(inputs) == ["-"] else list(inputs)


def images(inputs: Sequence[str]) -> list[Path]:
    paths = [Path(given) for given in inputs]
    for path in paths:
        if not path.is_file():
            raise click.BadParameter(f"there is no image file {path}")
    return paths


def history(inputs: Sequence[str], target: str, covariates: Sequence[str]) -> History:
    """A CSV or JSON file, or numbers: `history.csv`, `112 118 132`, `112,118,132`, `-` for JSON on stdin."""
    if len(inputs) == 1 and inputs[0].endswith(".csv"):
        return _history_of_rows(_csv_rows(Path(inputs[0])), target, covariates)
    if len(inputs) == 1 and (inputs[0] == "-" or inputs[0].endswith(".json")):
        return _history_of_json(_json(inputs[0]), target, covariates)
    words = [word for given in inputs for word in given.replace(",", " ").split()]
    return History(tuple(_number(word, "history") for word in words))


def rows(inputs: Sequence[str]) -> list[dict[str, Any]]:
    """A CSV or JSON file, or one JSON object an argument; `-` is JSON on stdin."""
    if len(inputs) == 1 and inputs[0].endswith(".csv"):
        return [_typed(row) for row in _csv_rows(Path(inputs[0]))]
    if len(inputs) == 1 and (inputs[0] == "-" or inputs[0].endswith(".json")):
        return _as_rows(_json(inputs[0]))
    return [row for given in inputs for row in _as_rows(_parse(given, "argument"))]


def _history_of_rows(
    table: list[dict[str, str]], target: str, covariates: Sequence[str]
) -> History:
    columns = list(table[0]) if table else []
    wanted = target if target in columns else columns[-1] if columns else target
    for column in (wanted, *covariates):
        if column not in columns:
            raise click.BadParameter(f"there is no column {column!r}, only {', '.join(columns)}")
    return History(
        _column(table, wanted),
        {covariate: _column(table, covariate) for covariate in covariates},
    )


def _column(table: list[dict[str, str]], name: str) -> tuple[float, ...]:
    return tuple(_number(row[name], f"{name}, line {line}") for line, row in enumerate(table, 2))


def _history_of_json(value: Any, target: str, covariates: Sequence[str]) -> History:
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        table = [{key: str(cell) for key, cell in item.items()} for item in value]
        return _history_of_rows(table, target, covariates)
    if isinstance(value, list):
        return History(tuple(_number(item, f"item {n}") for n, item in enumerate(value)))
    raise click.BadParameter("expected a list of numbers, or of objects with the columns")


def _csv_rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [dict(row) for row in csv.DictReader(file, strict=True)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise click.BadParameter(f"cannot read {path}: {error}") from error


def _json(given: str) -> Any:
    if given == "-":
        return _parse(_stdin(), "standard input")
    try:
        return _parse(Path(given).read_text(encoding="utf-8"), given)
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"cannot read {given}: {error}") from error


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"{where} is not JSON: {error}") from error


def _as_rows(value: Any) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, dict) for item in items):
        raise click.BadParameter("expected JSON objects that map columns to values")
    return items


def _typed(row: dict[str, str]) -> dict[str, Any]:
    return {column: _cell(cell) for column, cell in row.items()}


def _cell(cell: str) -> float | str | None:
    if cell in _MISSING:
        return None
    try:
        return float(cell)
    except ValueError:
        return cell


def _number(value: Any, where: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise click.BadParameter(f"{where}: expected a number, received {value!r}") from error


def _stdin() -> str:
    return sys.stdin.read()
