"""What `casty plugins` shows: one row for each provider, and one for each plugin that has none."""

from dataclasses import dataclass

from casty.plugins.catalog import Catalog, Fault, Offer
from casty.plugins.loader import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the listing; empty where there is nothing to say."""

    distribution: str
    version: str
    entry: str
    kind: str = ""
    names: tuple[str, ...] = ()
    spi: int | None = None
    state: str


def rows(catalog: Catalog) -> list[Row]:
    """Everything that was found, in the order of the plugins' names."""
    silent = set(catalog.plugins) - {offer.origin for offer in catalog.offers}
    silent -= {fault.origin for fault in catalog.faults}
    listed = [
        *(_offer(catalog, offer) for offer in catalog.offers),
        *(_fault(fault) for fault in catalog.faults),
        *(_row(item.origin, state=f"disabled by {item.by}") for item in catalog.disabled),
        *(_row(origin, state="ok, provides nothing") for origin in silent),
    ]
    return sorted(listed, key=lambda row: (row.distribution, row.entry, row.kind, row.names))


def _offer(catalog: Catalog, offer: Offer) -> Row:
    rivals = sorted({str(rival.origin) for rival in catalog.rivals(offer)})
    state = f"conflict with {', '.join(rivals)}" if rivals else offer.misfit or "ok"
    provider = offer.provider
    return _row(offer.origin, kind=offer.kind.word, names=provider.names, spi=provider.spi, state=state)


def _fault(fault: Fault) -> Row:
    return _row(fault.origin, kind=fault.kind.word if fault.kind else "", state=f"failed: {fault.reason}")


def _row(origin: Origin, *, state: str, kind: str = "", names: tuple[str, ...] = (), spi: int | None = None) -> Row:
    return Row(
        distribution=origin.distribution,
        version=origin.version,
        entry=origin.entry,
        kind=kind,
        names=names,
        spi=spi,
        state=state,
    )
