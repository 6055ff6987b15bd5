"""The handle of a barrier."""

from functools import partial
from typing import Final, cast

from casty import entropy
from casty.coordination.client import Client
from casty.coordination.handles import Handle
from casty.coordination.operations import Waiting
from casty.coordination.structures.rendezvous import Arrive, Present
from casty.coordination.waiters import MAX_WAITERS
from casty.errors import ArgumentError
from casty.quantities import check_count, checked_seconds

POLL: Final = 2.0
ATTEMPT: Final = 5.0
"""Seconds without a reply after which `present` and `destroy` fail. A party waits for its whole time: its barrier may
be on a node that has died, and is there again when another node hosts it.
"""


class DistributedBarrier(Handle):
    """A place at which parties wait for each other, any number of times."""

    def __init__(self, client: Client, kind: str, name: str, timeout: float, node_id: str | None) -> None:
        checked_seconds(timeout, f"timeout of the barrier {name!r}", zero=False)
        super().__init__(client, kind, name, min(timeout, ATTEMPT))
        self.wait_timeout = timeout
        if node_id is not None and (not isinstance(node_id, str) or not node_id):  # pyright: ignore[reportUnnecessaryIsInstance] - users' values
            raise ArgumentError(f"node_id of the barrier {name!r} is a text that is not empty, and not {node_id!r}")
        self.node_id = node_id or f"{client.id}-{entropy.source().token(4).hex()}"
        """The party that this handle is."""

    async def arrive(self, expected: int) -> int:
        """Wait until `expected` parties have arrived. Returns the number of the round, which is the same for all.

        Raises `TimeoutError` after the barrier's timeout: this party has left then, and may arrive again. Raises
        `ArgumentError` if it has arrived already, or if those that wait expect another number.
        """
        check_count(expected, f"expected of arrive at {self._what}")
        if expected > MAX_WAITERS:
            why = f"at most {MAX_WAITERS:,} parties can wait; let the parties of each process meet first, as one"
            raise ArgumentError(f"expected of arrive at {self._what} is {expected:,}, and {why}")
        make = partial(Arrive, self.node_id, expected)
        what = f"arrive at {self._what}"
        with self._client.operation() as operation:
            reply = await operation.wait(self._entity, make, what, None, each=POLL, at_most=self.wait_timeout)
        if isinstance(reply, Waiting):
            raise TimeoutError(f"{what}: fewer than {expected} parties arrived within {self.wait_timeout:g} s")
        return cast("int", reply)

    async def present(self) -> tuple[str, ...]:
        """The parties that wait at this moment."""
        return cast("tuple[str, ...]", await self._call("present", Present()))
