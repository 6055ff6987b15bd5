"""The plugin of the core itself: a journal in memory, a transport within one process, msgpack."""

from casty.plugins.hookspecs import hookimpl
from casty.plugins.providers import JournalProvider, SerializerProvider, TransportProvider


@hookimpl
def casty_journals() -> list[JournalProvider]:
    from casty.journals.memory import PROVIDER

    return [PROVIDER]


@hookimpl
def casty_transports() -> list[TransportProvider]:
    from casty.transports.inproc import PROVIDER

    return [PROVIDER]


@hookimpl
def casty_serializers() -> list[SerializerProvider]:
    from casty.serialization import PROVIDER

    return [PROVIDER]
