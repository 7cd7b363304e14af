"""Whether the services answer: those of this machine, or those of the system that commands go to."""

import socket
from collections.abc import Iterator

from modelyard.cli.addresses import Addresses
from modelyard.cli.doctor.finding import Finding, Severity
from modelyard.cli.service import answers_ok
from modelyard.cli.stack import Stack

_SECONDS = 3.0


def findings(running: Stack | None, addresses: Addresses) -> Iterator[Finding]:
    for service in running.services if running else ():
        if service.metrics:
            yield _ready(service.name, service.metrics.removesuffix("/metrics"), service.log)
    if running is not None and addresses.url.value == running.url:
        return
    if addresses.url.is_default and addresses.grpc.is_default and running is None:
        yield Finding("services", Severity.NOTE, "nothing runs here", "modelyard up")
        return
    yield _jobs(addresses)
    yield _inference(addresses)


def _ready(name: str, health: str, log: str) -> Finding:
    if answers_ok(f"{health}/healthz/ready", _SECONDS):
        return Finding("services", Severity.OK, f"{name} is ready")
    return Finding("services", Severity.BAD, f"{name} is not ready", f"its log is {log}")


def _jobs(addresses: Addresses) -> Finding:
    url, source = addresses.url.value, addresses.url.source
    if answers_ok(f"{url.rstrip('/')}/healthz/ready", _SECONDS):
        return Finding("services", Severity.OK, f"the jobs API at {url} is ready")
    told = f"the jobs API at {url} does not answer, or is not ready (said by {source})"
    return Finding("services", Severity.BAD, told, "modelyard config view --explain")


def _inference(addresses: Addresses) -> Finding:
    address, source = addresses.grpc.value, addresses.grpc.source
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS).close()
    except (OSError, ValueError) as error:
        told = f"inference at {address} does not answer (said by {source}): {error}"
        return Finding("services", Severity.BAD, told, "modelyard config view --explain")
    return Finding("services", Severity.OK, f"inference answers at {address}")
