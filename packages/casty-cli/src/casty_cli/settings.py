"""The journals and serializers that the command line and the configuration name."""

import tomllib
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast, final

from casty.config import CastyConfig, load_config
from casty.errors import ConfigError, JournalError
from casty.extension import Serializers, configured_serializers
from casty.plugins import JournalProvider, PluginRegistry, build_options
from casty.plugins.serializers import split_bounds
from casty.ref import DetachedRef
from casty.spi.journal import JournalStore, OrderedStore

from casty_cli.naming import is_url


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedJournal:
    """A journal that is not open yet."""

    url: str
    provider: JournalProvider[Any]
    options: Mapping[str, object]
    bounds: Mapping[str, object]
    """Bounds of its values, for the serializers."""

    @property
    def name(self) -> str:
        """The URL without parts that may be secret: password and settings."""
        scheme, _, rest = self.url.partition("://")
        user, at, place = rest.partition("?")[0].rpartition("@")
        return f"{scheme}://{user.partition(':')[0]}{at}{place}"

    def to_read(self) -> AbstractAsyncContextManager[OrderedStore]:
        """Open an existing journal for reading, if possible next to its owner; one with `read_only` is never created.

        Raises `JournalError` for one that cannot list its contents.
        """
        if not self.provider.capabilities.ordered:
            raise JournalError(
                f"the journal {self.name} cannot list its contents: it is not ordered; only `show` and `import` work"
            )
        return cast(AbstractAsyncContextManager[OrderedStore], self.to_read_entity())

    def to_read_entity(self) -> AbstractAsyncContextManager[JournalStore]:
        """Like `to_read`, but for any journal."""
        read_only = {"read_only": True} if self.provider.capabilities.read_only else {}
        return self._open({**self.options, **read_only})

    def to_write(self) -> AbstractAsyncContextManager[JournalStore]:
        """Open the journal for writing; it is created if it is missing."""
        return self._open(self.options)

    def _open(self, table: Mapping[str, object]) -> AbstractAsyncContextManager[JournalStore]:
        return self.provider.open(self.url, build_options(self.provider, table))


@final
class Settings:
    """The configuration, and the plugins that it enables. Raises `ConfigError` for a wrong configuration."""

    def __init__(self, file: str | None = None) -> None:
        self.config: CastyConfig = load_config(file)
        self._plugins = PluginRegistry.discover(self.config.plugins.disabled)

    def journal(self, url: str | None, options: Sequence[str] = ()) -> NamedJournal:
        """The journal at `url`, else the configured one. An option is `KEY=VALUE` and overrides a configured one.

        Raises `ConfigError` or `PluginError` if no journal is named, or one that other processes cannot see.
        """
        configured = self.config.journal
        url = url or configured.url
        if url is None:
            raise ConfigError(
                'no journal is named; give a URL, such as sqlite:///events.db, or set [journal] url = "…" in casty.toml'
            )
        if not is_url(url):
            raise ConfigError(f"a journal is named by a URL, not {url!r}; for a SQLite file write: sqlite:///{url}")
        provider = self._plugins.journal(url)
        if not provider.capabilities.durable:
            raise ConfigError(f"the journal {url} exists only in its own process; name a durable one")
        table = dict(configured.options) if url == configured.url else {}
        own, bounds = split_bounds(table | dict(map(_option, options)), provider.options)
        return NamedJournal(url=url, provider=provider, options=own, bounds=bounds)

    def serializers(self, journal: NamedJournal) -> Serializers:
        """The configured serializers; they decode references without an actor system."""
        return configured_serializers(self._plugins, self.config.serialization, DetachedRef, journal.bounds)


def import_types(modules: Sequence[str]) -> None:
    """Import a user's modules, so that their types and upcasters are known. Raises `ConfigError`."""
    for name in modules:
        try:
            import_module(name)
        except Exception as error:
            raise ConfigError(
                f"--types {name}: importing it raised {type(error).__name__}: {error}; "
                "name a module as an import statement does, from the folder in which its program starts"
            ) from error


def _option(text: str) -> tuple[str, object]:
    key, separator, value = text.partition("=")
    if not separator:
        raise ConfigError(f"--option {text}: an option is KEY=VALUE, such as schema=bank")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value
