"""The plugin of the core itself: journals and leases in memory, a transport within one process, msgpack."""

from typing import Any

from casty.plugins.hookspecs import hookimpl
from casty.plugins.providers import JournalProvider, LeaseProvider, SerializerProvider, TransportProvider


@hookimpl
def casty_journals() -> list[JournalProvider[Any]]:
    from casty.journals.memory import PROVIDER

    return [PROVIDER]


@hookimpl
def casty_transports() -> list[TransportProvider[Any]]:
    from casty.transports.inproc import PROVIDER

    return [PROVIDER]


@hookimpl
def casty_leases() -> list[LeaseProvider[Any]]:
    from casty.leases.memory import PROVIDER

    return [PROVIDER]


@hookimpl
def casty_serializers() -> list[SerializerProvider[Any]]:
    from casty.serialization import PROVIDER

    return [PROVIDER]
