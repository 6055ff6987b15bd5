"""What all plugins together offer, as a value."""

from dataclasses import dataclass
from typing import Any, override

from casty.plugins.kinds import Kind, Provider
from casty.plugins.loader import Disabled, Origin
from casty.plugins.providers import CodecProvider


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider and the plugin that offers it."""

    origin: Origin
    kind: Kind[Any]
    provider: Provider

    @override
    def __str__(self) -> str:
        """By its name and its plugin, so that no two offers of a kind are called the same."""
        return f"{self.provider.names[0]!r} of {self.origin.name}"

    @property
    def misfit(self) -> str | None:
        """Why this core cannot use it: its contract has another number."""
        theirs, ours = self.provider.spi, self.kind.spi
        if theirs == ours:
            return None
        outdated = "casty-core" if theirs > ours else self.origin.distribution
        return f"speaks {self.kind.word} SPI {theirs}, this casty-core speaks {ours}; upgrade {outdated}"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a plugin, or one of its hooks, is left out."""

    origin: Origin
    reason: str
    kind: Kind[Any] | None = None
    """None: the whole plugin."""
    error: BaseException | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Everything that is known about the plugins of one registry."""

    plugins: tuple[Origin, ...]
    """Those that were loaded, whether they offer anything or not."""
    offers: tuple[Offer, ...]
    faults: tuple[Fault, ...]
    disabled: tuple[Disabled, ...]

    def rivals(self, offer: Offer) -> tuple[Offer, ...]:
        """Other offers of one of this offer's names, or for the type of its codec. A kind of which all are used has
        none.
        """
        if offer.kind.uses_all:
            return ()
        keys = _keys(offer)
        return tuple(
            other for other in self.offers if other is not offer and other.kind is offer.kind and keys & _keys(other)
        )


def _keys(offer: Offer) -> set[str]:
    """What only one plugin may offer of a kind."""
    provider = offer.provider
    if not isinstance(provider, CodecProvider):
        return set(provider.names)
    kind = provider.for_type
    return {*provider.names, kind if isinstance(kind, str) else f"{kind.__module__}:{kind.__qualname__}"}
