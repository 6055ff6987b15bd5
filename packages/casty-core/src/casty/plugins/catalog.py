"""What all plugins together offer, as a value; and the choice of one provider by its name, or the reason why there is
none to choose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, override

from casty.errors import PluginError
from casty.plugins.kinds import Kind, Provider
from casty.plugins.providers import CodecProvider

IN_CODE = "(code)"
"""Stands where a distribution's name would; no distribution can be called so."""


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where a plugin comes from."""

    distribution: str
    entry: str
    version: str = ""

    @property
    def name(self) -> str:
        """What `[plugins] disabled` may call it."""
        return f"{self.distribution}:{self.entry}"

    @property
    def in_code(self) -> bool:
        """Whether it is an object that the program itself gave."""
        return self.distribution == IN_CODE

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}" if self.version else self.name


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


@dataclass(frozen=True, slots=True)
class Disabled:
    """A plugin that was not imported because `by` names it."""

    origin: Origin
    by: str


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


def choose[P: Provider](catalog: Catalog, kind: Kind[P], name: str) -> P:
    """The only provider of that name. Raises `PluginError` if there is none, two, or one of another SPI."""
    offers = [offer for offer in catalog.offers if offer.kind is kind and name in offer.provider.names]
    if len(offers) > 1:
        raise PluginError(_ambiguous(kind, name, offers))
    for offer in offers:
        if offer.misfit is not None:
            raise PluginError(f"{kind.word} {name!r} of {offer.origin} {offer.misfit}")
        if isinstance(offer.provider, kind.provider):
            return offer.provider
    raise PluginError(_missing(catalog, kind, name))


def choose_by_url[P: Provider](catalog: Catalog, kind: Kind[P], url: str) -> P:
    """The only provider of the URL's scheme. Raises like `choose`."""
    scheme, separator, _ = url.partition("://")
    if not separator:
        installed = _installed(catalog, kind)
        raise PluginError(f"a {kind.word} is named by a URL, such as {kind.example}, not {url!r}; {installed}")
    return choose(catalog, kind, scheme.lower())


def _missing[P: Provider](catalog: Catalog, kind: Kind[P], name: str) -> str:
    """Names whatever could have offered it: plugins that failed, and disabled ones, which were not asked."""
    parts = [f"no {kind.word} named {name!r}", _installed(catalog, kind)]
    faults = [fault for fault in catalog.faults if fault.kind in (None, kind)]
    if faults:
        parts.append("failed: " + ", ".join(f"{fault.origin} ({fault.reason})" for fault in faults))
    if catalog.disabled:
        parts.append("disabled: " + ", ".join(f"{item.origin} (by {item.by})" for item in catalog.disabled))
    near = get_close_matches(name, _names(catalog, kind), n=1)
    if name in kind.extras:
        parts.append(f'install it with: pip install "casty[{kind.extras[name]}]"')
    elif near:
        parts.append(f"did you mean {near[0]!r}?")
    else:
        parts.append("install a plugin that offers it; casty plugins shows what was found")
    return "; ".join(parts)


def _ambiguous[P: Provider](kind: Kind[P], name: str, offers: Sequence[Offer]) -> str:
    origins = sorted(offer.origin for offer in offers)
    text = f"{len(origins)} plugins offer the {kind.word} {name!r}: {', '.join(map(str, origins))}"
    rest = origins[1:]
    if rest[0].in_code:
        return f"{text}; give only one of them as plugins=[...]"
    same = len({origin.distribution for origin in origins}) < len(origins)
    switches = ", ".join(f'"{origin.name if same else origin.distribution}"' for origin in rest)
    return f"{text}; keep one, for example with [plugins] disabled = [{switches}]"


def _installed[P: Provider](catalog: Catalog, kind: Kind[P]) -> str:
    return f"installed: {', '.join(_names(catalog, kind)) or 'none'}"


def _names[P: Provider](catalog: Catalog, kind: Kind[P]) -> list[str]:
    return sorted({name for offer in catalog.offers if offer.kind is kind for name in offer.provider.names})
