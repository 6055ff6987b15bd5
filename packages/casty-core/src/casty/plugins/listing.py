"""What `casty plugins` shows: one row for each provider, and one for each plugin that has none."""

from dataclasses import dataclass, replace

from casty.plugins.catalog import Catalog, Fault, Offer, Origin


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
    ok: bool = True
    """False where the plugin, or something that it offers, cannot be used."""


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
    trouble = f"conflict with {', '.join(rivals)}" if rivals else offer.misfit
    provider = offer.provider
    row = _row(offer.origin, state=trouble or "ok", kind=offer.kind.word)
    return replace(row, names=provider.names, spi=provider.spi, ok=trouble is None)


def _fault(fault: Fault) -> Row:
    row = _row(fault.origin, state=f"failed: {fault.reason}", kind=fault.kind.word if fault.kind else "")
    return replace(row, ok=False)


def _row(origin: Origin, *, state: str, kind: str = "") -> Row:
    return Row(distribution=origin.distribution, version=origin.version, entry=origin.entry, kind=kind, state=state)
