"""The codecs of all plugins, by type and by name."""

from typing import Final, final

from casty.errors import PluginError
from casty.plugins.catalog import Catalog
from casty.plugins.kinds import CODEC
from casty.plugins.lookup import choose
from casty.plugins.providers import CodecProvider
from casty.spi.codec import is_exactly


@final
class PluginCodecs:
    """See `casty.spi.codec.Codecs`."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog: Final = catalog
        self._offers = [
            (offer.origin, offer.provider) for offer in catalog.offers if isinstance(offer.provider, CodecProvider)
        ]

    def of(self, kind: type) -> CodecProvider | None:
        for base in kind.__mro__:
            found = [(origin, codec) for origin, codec in self._offers if is_exactly(base, codec.for_type)]
            if len(found) > 1:
                rivals = ", ".join(sorted(f"{codec.names[0]!r} of {origin}" for origin, codec in found))
                raise PluginError(
                    f"{len(found)} codecs are for {base.__module__}.{base.__qualname__}: {rivals}; keep one, for "
                    "example with [plugins] disabled"
                )
            for _, codec in found:
                return choose(self._catalog, CODEC, codec.names[0])
        return None

    def named(self, name: str) -> CodecProvider | None:
        known = any(name in codec.names for _, codec in self._offers)
        return choose(self._catalog, CODEC, name) if known else None

    def __bool__(self) -> bool:
        return bool(self._offers)
