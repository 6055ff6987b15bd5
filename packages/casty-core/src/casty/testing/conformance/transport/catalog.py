"""All checks, by what a transport promises."""

from typing import Final

from casty.testing.conformance.transport import bounds, connecting, losing, ordering, refusing
from casty.testing.conformance.transport.registry import Capabilities, Check

ROOMS: Final = (connecting, ordering, bounds, losing, refusing)

ALL: Final = Capabilities()


def checks(capabilities: Capabilities = ALL) -> list[Check]:
    """Those that a transport with these capabilities has to pass, each with a name that tells what it looks at."""
    return [check for room in ROOMS for check in room.check.of(capabilities)]
