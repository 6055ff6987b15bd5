"""Which operations an entity has carried out, and with what results: a retry gets the result, and changes nothing.

Each client says with every operation below which number all of its operations have ended (`settled`): their results
are forgotten, and an attempt at one of them that is late is ignored. So what is remembered is what is under way, as in
RIFL (Lee et al., Implementing linearizability at large scale and low latency, 2015).
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from casty.coordination.operations import OperationId
from casty.serialization import event

MAX_CLIENTS: Final = 1024
"""Clients that an entity remembers, by last use. A retry of a client beyond them is taken for a new operation."""


class Recall(Enum):
    """What is known of an operation that has no result."""

    new = "new"
    settled = "settled"
    """Its client does not wait for it any more."""


@event("casty.coordination.ClientResults")
@dataclass(slots=True)
class ClientResults:
    """The operations of one client that may be repeated."""

    settled: int = 0
    results: dict[int, Any] = field(default_factory=dict[int, Any])


@event("casty.coordination.Results")
@dataclass(slots=True)
class Results:
    """The results that an entity remembers."""

    clients: dict[str, ClientResults] = field(default_factory=dict[str, ClientResults])
    """The least recently used first."""

    def find(self, operation: OperationId) -> Any:
        """The result of an operation, or a `Recall`."""
        client = self.clients.get(operation.client)
        if client is None:
            return Recall.new
        if operation.number < client.settled:
            return Recall.settled
        return client.results.get(operation.number, Recall.new)

    def record(self, operation: OperationId, settled: int, result: Any) -> None:
        client = self.clients.pop(operation.client, None)
        if client is None:
            client = ClientResults()
            if len(self.clients) >= MAX_CLIENTS:
                del self.clients[next(iter(self.clients))]
        self.clients[operation.client] = client
        if settled > client.settled:
            client.settled = settled
            client.results = {number: kept for number, kept in client.results.items() if number >= settled}
        client.results[operation.number] = result
