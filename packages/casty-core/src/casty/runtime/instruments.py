"""The instruments of one system: attached when it starts, detached when it has stopped, and harmless whatever they do.

Each instrument has a view of the event stream that knows its name: its first failure is one warning, and publishers and
other subscribers do not notice. An instrument that cannot be made or attached is left out.
"""

import logging
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager
from inspect import iscoroutine
from typing import Any, Final, override

from casty.errors import PluginError
from casty.event_stream import EventStream, Subscription
from casty.interruption import described, interrupts
from casty.plugins import InstrumentProvider, PluginRegistry, build_options
from casty.spi.instrument import Instrument

logger = logging.getLogger("casty")

type Options = Mapping[str, Mapping[str, object]]
"""`[instruments]`: the options of each by its name."""


class Instruments:
    """Those that plugins offer, with the options that the configuration gives them."""

    def __init__(self, plugins: PluginRegistry, options: Options, system_name: str) -> None:
        """Raises `PluginError` for options that their instrument does not have. Those of an instrument that is not
        there are a warning: what disables a plugin must not keep a program from starting.
        """
        self._system = system_name
        self._attached: list[_Attached] = []
        self._chosen = [(provider, _table_of(provider, options)) for provider in plugins.instruments()]
        for provider, table in self._chosen:
            if table is not None:
                build_options(provider, table)
        known = {name for provider, _ in self._chosen for name in provider.names}
        for name in options.keys() - known:
            logger.warning(
                "[instruments.%s] is of no use: no instrument of that name is loaded; there are: %s",
                name,
                ", ".join(sorted(known)) or "none",
            )

    def attach(self, stream: EventStream) -> None:
        for provider, table in self._chosen:
            guarded = _GuardedStream(stream, provider.names[0], self._system)
            with guarded.watching("could not be attached, and is left out"):
                instrument = provider.create(build_options(provider, table or {}))
                instrument.attach(guarded, self._system)
                self._attached.append(_Attached(instrument, guarded))
                continue
            guarded.cancel_all()

    def detach(self) -> None:
        while self._attached:
            attached = self._attached.pop()
            with attached.stream.watching("did not detach"):
                attached.instrument.detach()
            attached.stream.cancel_all()


def _table_of(provider: InstrumentProvider[Any], options: Options) -> Mapping[str, object] | None:
    return next((options[name] for name in provider.names if name in options), None)


class _Attached:
    def __init__(self, instrument: Instrument, stream: "_GuardedStream") -> None:
        self.instrument: Final = instrument
        self.stream: Final = stream


class _GuardedStream(EventStream):
    """The system's event stream, as one instrument sees it."""

    def __init__(self, stream: EventStream, name: str, system: str) -> None:
        super().__init__()
        self._stream = stream
        self._name = name
        self._system = system
        self._has_failed = False
        self._made: list[Subscription] = []

    @override
    def subscribe[E](self, event_type: type[E], handler: Callable[[E], object]) -> Subscription:
        guard = _Guard(self, handler) if callable(handler) else handler
        subscription = self._stream.subscribe(event_type, guard)
        self._made.append(subscription)
        return subscription

    @override
    def unsubscribe[E](self, event_type: type[E], handler: Callable[[E], object]) -> None:
        self._stream.unsubscribe(event_type, _Guard(self, handler))

    @override
    def end(self, subscription: Subscription) -> None:
        self._stream.end(subscription)

    @override
    def wants(self, event_type: type) -> bool:
        return self._stream.wants(event_type)

    @override
    def publish(self, event: object) -> None:
        self._stream.publish(event)

    def cancel_all(self) -> None:
        """End what the instrument has left behind."""
        while self._made:
            self._made.pop().cancel()

    @contextmanager
    def watching(self, what: str) -> Generator[None]:
        """Anything that the instrument raises, a `SystemExit` too, is its failure, and not the program's end."""
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.failed(what, error)

    def failed(self, what: str, error: BaseException) -> None:
        level = logging.DEBUG if self._has_failed else logging.WARNING
        self._has_failed = True
        reason = str(error) if isinstance(error, PluginError) else described(error)
        logger.log(
            level,
            "the instrument %r of the actor system %r %s: %s; further failures of it are logged at DEBUG",
            self._name,
            self._system,
            what,
            reason,
            exc_info=error,
        )


class _Guard:
    """A handler of an instrument's. Equal to another one of the same handler, so that it can be unsubscribed."""

    __slots__ = ("_handler", "_stream")

    def __init__(self, stream: _GuardedStream, handler: Callable[[Any], object]) -> None:
        self._stream = stream
        self._handler = handler

    def __call__(self, event: object) -> object:
        try:
            result = self._handler(event)
        except BaseException as error:
            if interrupts(error):
                raise
            self._failed(event, error)
            return None
        return self._finish(result, event) if iscoroutine(result) else None

    async def _finish(self, handling: Coroutine[Any, Any, object], event: object) -> None:
        try:
            await handling
        except BaseException as error:
            if interrupts(error):
                raise
            self._failed(event, error)

    def _failed(self, event: object, error: BaseException) -> None:
        self._stream.failed(f"failed at a {type(event).__name__}", error)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Guard) and other._stream is self._stream and other._handler == self._handler

    @override
    def __hash__(self) -> int:
        return hash(self._handler)
