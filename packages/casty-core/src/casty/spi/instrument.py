"""What an instrument implements: it watches a running system through its event stream and must not change it."""

from typing import Final, Protocol

from casty.event_stream import EventStream

SPI: Final = 1


class Instrument(Protocol):
    """Metrics, traces or logs of one actor system.

    Whatever an instrument raises harms nothing: its first failure is a warning with its name, further ones are logged
    at DEBUG. One that cannot be made or attached is left out. What it has subscribed to ends when it is detached.
    """

    def attach(self, stream: EventStream, system_name: str) -> None:
        """Called once when the system has started: subscribe to what is of interest."""
        ...

    def detach(self) -> None:
        """Called once when the system has stopped and published its last event."""
        ...
