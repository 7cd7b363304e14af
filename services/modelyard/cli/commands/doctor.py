"""`modelyard doctor`: what is wrong on this machine, and what to do about it."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from modelyard.cli import exits, stack
from modelyard.cli.addresses import addresses_of
from modelyard.cli.doctor import Finding, Severity, disk, environment, gpu, processes, queue
from modelyard.cli.doctor import services as service_checks
from modelyard.cli.output import mark, output_option, print_all, printable

_MARKS = {
    Severity.OK: "ok",
    Severity.NOTE: "busy",
    Severity.WARN: "warn",
    Severity.BAD: "bad",
}


@click.command("doctor")
@click.option("--home", type=click.Path(path_type=Path), help="As given to `up`. [default: var]")
@output_option
@click.pass_context
def command(ctx: click.Context, home: Path | None, output: str) -> int:
    """Find out what is wrong on this machine. Exit code 0 only if all is well.

    Looks at Python and its packages, GPUs, taken ports and who holds them, processes left behind, disk
    space, the queue, and the services.
    """
    found = []
    for finding in _findings(ctx, stack.home_folder(home)):
        found.append(finding)
        if output == "table":
            _tell(finding)
    if output != "table":
        print_all([asdict(finding) for finding in found], output, (), (), key="message")
    troubles = [finding for finding in found if finding.severity.is_trouble]
    if output == "table":
        count = len(troubles)
        click.echo("\nall is well" if not count else f"\n{count} thing{'s' * (count > 1)} to mend")
    return exits.FAILED if troubles else exits.OK


def _findings(ctx: click.Context, home: Path) -> Iterator[Finding]:
    running = stack.running(home)
    yield from environment.findings()
    yield from gpu.findings()
    yield from processes.findings(home, running)
    yield from disk.findings(home)
    yield from queue.findings(running)
    yield from service_checks.findings(running, addresses_of(ctx))


def _tell(finding: Finding) -> None:
    click.echo(f"{mark(_MARKS[finding.severity])} {finding.check:<10} {printable(finding.message)}")
    if finding.help and finding.severity is not Severity.OK:
        click.echo(f"  {'':<10} {click.style('help', fg='cyan')}: {finding.help}")
