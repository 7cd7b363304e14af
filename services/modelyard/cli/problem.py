"""How an error looks at the prompt: its reason, where, and what to do; and which exit code it is."""

import click

from modelyard.cli import exits
from modelyard.cli.addresses import Addresses
from modelyard.cli.invocation import Invocation
from modelyard.cli.output import printable, program
from modelyard.client.errors import ApiError, JobCancelled, JobFailed, Unavailable, WaitTimeout
from modelyard.errors import ModelyardError


def explain(error: Exception, said: Invocation | None = None) -> int:
    """Prints to stderr and answers the exit code. `said` tells who decided where the services are."""
    if isinstance(error, ApiError):
        return _explain_api(error, said or Invocation())
    if isinstance(error, ModelyardError):
        say_error(error.reason, error.message)
        return exits.of_code(error.code)
    say_error("INTERNAL", f"{type(error).__name__}: {error}")
    say_help("this is a defect of ours; run the command again with --debug to see where")
    return exits.FAILED


def say_error(reason: str, message: str) -> None:
    # A message may repeat what somebody sent; a terminal shall show it and not obey it.
    shown = "\n".join(map(printable, message.splitlines()))
    click.echo(f"{click.style(f'error[{reason}]', fg='red', bold=True)}: {shown}", err=True)


def say_help(text: str) -> None:
    click.echo(f"{click.style('help', fg='cyan')}: {text}", err=True)


def _explain_api(error: ApiError, said: Invocation) -> int:
    say_error(error.reason, error.message)
    for violation in error.violations:
        if str(violation) not in error.message:
            click.echo(f"  {printable(str(violation))}", err=True)
    if isinstance(error, Unavailable) and error.reason == "UNREACHABLE":
        if said.resolved is not None:
            click.echo(f"  {_who_said(said.resolved, error.message)}", err=True)
        say_help(
            f"start it with `{program()} up`, or say where it runs: --url, --grpc, `context use`"
        )
    else:
        _say_how_to_mend(error.reason)
        if error.request_id and not isinstance(error, JobFailed):
            click.echo(f"request {error.request_id}", err=True)
    return _exit_code(error)


def _say_how_to_mend(reason: str) -> None:
    from modelyard.reasons import Area, of  # a table that is only read when something went wrong

    known = of(reason)
    if known is not None and known.area is not Area.ANYWHERE:  # those only say "read the message"
        say_help(known.mending)


def _who_said(addresses: Addresses, message: str) -> str:
    address = addresses.url if addresses.url.value in message else addresses.grpc
    return f"this address: {address.source}"


def _exit_code(error: ApiError) -> int:
    match error:
        case JobFailed():
            return exits.FAILED
        case JobCancelled():
            return exits.CANCELLED
        case WaitTimeout():
            return exits.TIMEOUT
        case _:
            return exits.of_code(error.code)
