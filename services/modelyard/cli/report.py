"""What a request would come to, as people read it."""

from typing import TYPE_CHECKING, Any

import click

from modelyard.cli.output import mark, print_facts, print_one, print_table, printable, say

if TYPE_CHECKING:
    from modelyard.client import Report

_MOST_CLASSES = 12


def print_report(report: "Report", form: str, *, name: str) -> None:
    """Warnings go to stderr for people, and are part of the report in every other form."""
    print_one(report.raw, form, lambda: _show(report), name=name)


def _show(report: "Report") -> None:
    features, head = report.features, report.head
    print_facts(
        {
            "rows": _count(report.rows),
            "classes": _classes(report.classes),
            "features": f"{features.get('kind', '')} {_shape(features.get('shape'))}",
            "vocabulary": features.get("vocabulary"),
            "answer": f"{_count(head.get('units'))} values, {head.get('activation') or 'linear'}",
            "parameters": _count(report.parameters),
        }
    )
    click.echo()
    rows = [
        (layer.get("type"), _shape(layer.get("output_shape")), _count(layer.get("parameters")))
        for layer in report.layers
    ]
    print_table(("LAYER", "OUTPUT", "PARAMETERS"), rows)
    for warning in report.warnings:
        say(f"{mark('warn')} {printable(str(warning))}")


def _classes(classes: tuple[str, ...] | None) -> str:
    if classes is None:
        return ""
    more = ", …" if len(classes) > _MOST_CLASSES else ""
    return f"{len(classes)}: {', '.join(classes[:_MOST_CLASSES])}{more}"


def _shape(shape: Any) -> str:
    return "×".join("?" if size is None else str(size) for size in shape or ()) or "?"


def _count(value: Any) -> str:
    """A size that only the data can tell is a question mark."""
    return "?" if value is None else f"{value:,}"
