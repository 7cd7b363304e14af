"""`modelyard call SERVICE/METHOD`: any gRPC method, found by reflection."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from modelyard.cli import exits
from modelyard.cli.addresses import addresses_of
from modelyard.cli.output import output_option, print_all, print_json, print_one

if TYPE_CHECKING:
    from modelyard.cli.grpc_call import Catalogue


@click.command("call")
@click.argument("method", required=False, metavar="[SERVICE[/METHOD]]")
@click.argument("arguments", nargs=-1, metavar="[JSON] [FIELD=VALUE | FIELD=@FILE]…")
@click.option("--as-grpcurl", is_flag=True, help="Print the same call for grpcurl instead.")
@click.option("--timeout", type=float, default=30.0, show_default=True, metavar="SECONDS")
@output_option
@click.pass_context
def command(
    ctx: click.Context,
    method: str | None,
    arguments: tuple[str, ...],
    as_grpcurl: bool,
    timeout: float,
    output: str,
) -> int:
    """Call any gRPC method by its name; without one, list what there is.

    \b
    call                                              services
    call VisionService                                its methods
    call TextService/ClassifyTexts '{"model": {"name": "sms"}, "texts": ["hello"]}'
    call VisionService/ClassifyImages model.name=digits images.encoded=@seven.png
    call TextService/ClassifyTexts - < request.json   JSON from standard input
    """
    # Late: gRPC, which `--help` does not need.
    from modelyard.cli import grpc_call

    address = addresses_of(ctx).grpc.value
    with grpc_call.open_channel(address) as channel:
        catalogue = grpc_call.Catalogue(channel, address)
        if method is None:
            return _list_services(catalogue, output)
        if "/" not in method and not arguments:
            return _list_methods(catalogue, method, output)
        called = catalogue.method(method)
        body, assignments = _split(arguments)
        request = grpc_call.assigned(called.input_type, body, assignments)
        if as_grpcurl:
            click.echo(grpc_call.as_grpcurl(called, request, address))
            return exits.OK
        for answer in catalogue.call(called, request, timeout):
            if output == "table":
                print_json(answer)
            else:
                print_one(answer, output, click.echo, name=called.full_name)
    return exits.OK


def _list_services(catalogue: "Catalogue", output: str) -> int:
    names = catalogue.services()
    print_all([{"name": name} for name in names], output, ("SERVICE",), [(n,) for n in names])
    return exits.OK


def _list_methods(catalogue: "Catalogue", service: str, output: str) -> int:
    from modelyard.cli.grpc_call import describe, path_of  # late: as above

    values = [
        {"name": path_of(method)[1:], "signature": describe(method)}
        for method in catalogue.methods(service)
    ]
    print_all(values, output, ("METHOD", "SIGNATURE"), [tuple(v.values()) for v in values])
    return exits.OK


def _split(arguments: tuple[str, ...]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The JSON, if the first argument is that, and the rest."""
    if not arguments or not (arguments[0] == "-" or arguments[0].lstrip().startswith("{")):
        return {}, arguments
    text = sys.stdin.read() if arguments[0] == "-" else arguments[0]
    try:
        body = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"this is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise click.BadParameter("expected a JSON object, the request message")
    return body, arguments[1:]
