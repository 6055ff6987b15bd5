"""Resolves the names and URLs of configuration to providers. One registry belongs to one actor system."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self, cast, final

from casty.errors import PluginError
from casty.plugins import kinds
from casty.plugins.catalog import Catalog, Offer, choose, choose_by_url
from casty.plugins.loader import load_plugins, make_catalog
from casty.plugins.providers import (
    AllocationStrategyProvider,
    ClusterFeatureProvider,
    DowningStrategyProvider,
    FailureDetectorProvider,
    InstrumentProvider,
    JournalProvider,
    LeaseProvider,
    SerializerProvider,
    TransportProvider,
)

logger = logging.getLogger("casty.plugins")


@final
class PluginRegistry:
    """What plugins offer. A lookup raises `PluginError`: what was wanted, what there is, what to do next."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    @classmethod
    def discover(cls, disabled: Sequence[str] = (), extra: Sequence[object] = ()) -> Self:
        """Load the plugins that are installed, without the disabled ones, and those of `extra`.

        `disabled` takes names of distributions and `dist:entry`; CASTY_DISABLED_PLUGINS in the environment
        adds to it. `extra` takes modules or objects that implement hooks. A fault in an installed plugin is
        logged, and the plugin left out; a fault in one of `extra` is a `PluginError` at once.
        """
        catalog = make_catalog(load_plugins(disabled, extra))
        for fault in catalog.faults:
            if fault.origin.in_code:
                raise PluginError(f"{fault.origin.entry}: {fault.reason}") from fault.error
            logger.warning("plugin %s: left out: %s", fault.origin.name, fault.reason, exc_info=fault.error)
        return cls(catalog)

    def journal(self, url: str) -> JournalProvider[Any]:
        """By the scheme of the URL."""
        return choose_by_url(self.catalog, kinds.JOURNAL, url)

    def transport(self, url: str) -> TransportProvider[Any]:
        """By the scheme of the URL."""
        return choose_by_url(self.catalog, kinds.TRANSPORT, url)

    def serializer(self, name: str) -> SerializerProvider[Any]:
        return choose(self.catalog, kinds.SERIALIZER, name)

    def failure_detector(self, name: str) -> FailureDetectorProvider[Any]:
        return choose(self.catalog, kinds.FAILURE_DETECTOR, name)

    def downing_strategy(self, name: str) -> DowningStrategyProvider[Any]:
        return choose(self.catalog, kinds.DOWNING_STRATEGY, name)

    def allocation_strategy(self, name: str) -> AllocationStrategyProvider[Any]:
        return choose(self.catalog, kinds.ALLOCATION_STRATEGY, name)

    def lease(self, url: str) -> LeaseProvider[Any]:
        """By the scheme of the URL."""
        return choose_by_url(self.catalog, kinds.LEASE, url)

    def instruments(self) -> tuple[InstrumentProvider[Any], ...]:
        """Every one that is installed, in the order of the plugins' names, then those given in code."""
        return tuple(cast(InstrumentProvider[Any], offer.provider) for offer in self._all(kinds.INSTRUMENT))

    def cluster_features(self) -> Mapping[str, ClusterFeatureProvider[Any]]:
        """Every one that is installed, in the same order, by its name and its plugin."""
        offers = self._all(kinds.CLUSTER_FEATURE)
        return {str(offer): cast(ClusterFeatureProvider[Any], offer.provider) for offer in offers}

    def _all(self, kind: kinds.Kind[Any]) -> Iterable[Offer]:
        return (offer for offer in self.catalog.offers if offer.kind is kind)
