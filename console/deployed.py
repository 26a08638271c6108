"""Where the instances of a desk of containers answer, as far as the operator's commands know.

`TAPEDECK_INSTANCES=data:8101,strategy:8102,risk:8103` names a host and a port for each service. A
host may stand for several containers: its name then has an address for each.
"""

import socket
from collections.abc import Callable, Mapping
from typing import NamedTuple

from console.services import SERVICES
from shared.domain.errors import ConfigurationError

INSTANCES_VARIABLE = "TAPEDECK_INSTANCES"


class Address(NamedTuple):
    """Where one instance answers about its health."""

    host: str
    port: int


def addresses_of(host: str) -> tuple[str, ...]:
    """Return every address of a name, in a lasting order; none when there is no such name."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return tuple(sorted({str(entry[4][0]) for entry in found}))


def instances(
    text: str, resolve: Callable[[str], tuple[str, ...]] = addresses_of
) -> Mapping[str, Address]:
    """Return the instances that run by name, the second of a service as `risk-2`.

    A service of which none runs stands there with its own name, where nobody will answer.
    Raises ConfigurationError for a text that is not of the form above.
    """
    found: dict[str, Address] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        service, _, digits = entry.rpartition(":")
        service, _, host = service.partition("=")
        if service not in SERVICES or not digits.isdecimal():
            raise ConfigurationError(
                f"{INSTANCES_VARIABLE}: {entry!r} is not service:port or service=host:port,"
                f" with one of {', '.join(SERVICES)}"
            )
        host = host or service
        for number, address in enumerate(resolve(host) or (host,), 1):
            name = service if number == 1 else f"{service}-{number}"
            found[name] = Address(address, int(digits))
    return found
