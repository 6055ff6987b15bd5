"""References to actors that are not alive: what is sent to them is a dead letter."""

from typing import Any, override

from casty.address import ActorAddress
from casty.ref import AddressRef, Asking
from casty.runtime.dead_letters import UNKNOWN
from casty.runtime.services import Services


class GoneRef(AddressRef[Any]):
    """The address of an actor that was not alive when it was looked up."""

    __slots__ = ("_services",)

    def __init__(self, services: Services, address: ActorAddress) -> None:
        super().__init__(address)
        self._services = services

    @property
    @override
    def asks(self) -> Asking:
        return self._services.asks

    @override
    def _deliver(self, message: Any) -> None:
        self._services.dead_letters.publish(message, self, UNKNOWN)
