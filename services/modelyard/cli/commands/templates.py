"""`modelyard templates [NAME]`: requests to start from."""

import click

from modelyard.cli import exits, templates
from modelyard.cli.output import output_option, print_all, print_one


@click.command("templates")
@click.argument("name", required=False)
@output_option
def command(name: str | None, output: str) -> int:
    """List example requests, or print one: `modelyard templates digits > digits.yaml`."""
    if name is None:
        values = [{"name": each, "summary": templates.summary(each)} for each in templates.names()]
        print_all(values, output, ("NAME", "WHAT"), [tuple(value.values()) for value in values])
        return exits.OK
    # Late: only to print it as something else than what it is.
    import yaml

    text = templates.read(name)
    print_one(yaml.safe_load(text), output, lambda: click.echo(text, nl=False), name=name)
    return exits.OK
