"""Ports for the processes that tests start.

They lie below the range from which the system assigns free ports. Otherwise a connection of another test could
take one before its process listens there, or while it restarts, and a process that dials one without a listener
could be connected to itself.
"""

import socket
from random import SystemRandom

BELOW_THE_EPHEMERAL = range(10_000, 32_000)


def free_ports(number: int) -> list[int]:
    """So many different ports on which nothing listens, in ascending order."""
    # The system's randomness, since Hypothesis gives every worker the same of Python's.
    ports = SystemRandom().sample(BELOW_THE_EPHEMERAL, len(BELOW_THE_EPHEMERAL))
    free = filter(is_free, ports)
    return sorted(next(free) for _ in range(number))


def is_free(port: int) -> bool:
    with socket.socket() as looking:
        try:
            looking.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
