"""Chooses one provider by its name, or says why there is none to choose and what to do about it."""

from collections.abc import Sequence
from difflib import get_close_matches

from casty.errors import PluginError
from casty.plugins.catalog import Catalog, Offer
from casty.plugins.kinds import Kind, Provider


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
