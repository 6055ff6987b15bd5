"""The allocation strategies of the regions of one node: given in code, or configured by name.

The coordinator's node decides, and it need not have the region: there the configuration alone counts.
"""

from collections.abc import Mapping
from typing import Any, Final, final

from casty.errors import PluginError
from casty.extension import Kernel
from casty.interruption import described, raise_unless_failure
from casty.plugins import build_options
from casty.spi.allocation import AllocationStrategy

DEFAULTS: Final = "[defaults.sharding] allocation"


@final
class Strategies:
    """Makes the strategy of each region."""

    def __init__(self, kernel: Kernel) -> None:
        self._plugins = kernel.plugins
        self._config = kernel.config
        self._settings = kernel.settings
        self._given: dict[str, AllocationStrategy | str] = {}

    def check(self) -> None:
        """Make each strategy that the configuration names once. Raises `PluginError` that names the setting."""
        tables = {DEFAULTS: self._config.defaults.sharding}
        tables |= {f"[actors.{pattern!r}] sharding": actor.sharding for pattern, actor in self._config.actors.items()}
        for setting, table in tables.items():
            if table.allocation is not None:
                self._made(setting, table.allocation, table.allocation_options or {})

    def give(self, region: str, allocation: AllocationStrategy | str | None) -> None:
        """Take what the region was spawned with on this node. Raises `PluginError` for a name that there is not."""
        if isinstance(allocation, str):
            self._named(region, allocation)
        if allocation is not None:
            self._given[region] = allocation

    def of(self, region: str) -> AllocationStrategy:
        """The strategy of a region, for one start of its coordinator."""
        settings = self._settings.resolve(region)
        given = self._given.get(region, settings.allocation)
        return self._named(region, given) if isinstance(given, str) else given

    def _named(self, region: str, name: str) -> AllocationStrategy:
        settings = self._settings.resolve(region)
        options = settings.allocation_options if name == settings.allocation else dict[str, object]()
        return self._made(f"the allocation of the region {region!r}", name, options)

    def _made(self, setting: str, name: str, options: Mapping[str, object]) -> AllocationStrategy:
        try:
            provider = self._plugins.allocation_strategy(name)
            made: Any = provider.create(build_options(provider, options))
        except PluginError as error:
            raise PluginError(f"{setting}: {error}") from error
        except BaseException as error:
            raise_unless_failure(error)
            raise PluginError(f"{setting}: {name} cannot be made: {described(error)}") from error
        return made
