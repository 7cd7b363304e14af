"""`modelyard demo`: what `make demo` runs."""

from pathlib import Path

import click

from modelyard.cli.demo import Demo


@click.command("demo")
@click.option(
    "--examples",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("examples"),
    show_default=True,
    help="Where the requests and sample inputs lie.",
)
@click.option(
    "--home", type=click.Path(path_type=Path), help="Keep everything there. [default: nowhere]"
)
def command(examples: Path, home: Path | None) -> int:
    """Train three models on real data, ask each over gRPC, show the metrics, and leave nothing running."""
    return Demo(examples.absolute(), home).run()
