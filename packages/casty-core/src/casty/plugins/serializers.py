"""Makes serializers with the options that `[serialization]` gives them.

Messages, events and snapshots have serializers of their own, with the same options unless `event_…` or `snapshot_…`
stands before an option's name.
"""

from collections.abc import Mapping
from dataclasses import fields
from enum import Enum
from typing import Final, final

from casty.config.schema import SerializationConfig
from casty.errors import PluginError
from casty.plugins.catalog import Catalog, choose
from casty.plugins.kinds import CODEC
from casty.plugins.options import build_options
from casty.plugins.providers import CodecProvider
from casty.plugins.registry import PluginRegistry
from casty.spi.codec import CodecSerializer, is_exactly
from casty.spi.serializer import RefResolver, Serializer

BOUNDS: Final = ("max_payload", "max_items", "max_depth")
"""Options that have keys in `[serialization]`, and that a journal may have of its own."""


class Purpose(Enum):
    """What a serializer writes; the value stands before the names of its own options."""

    messages = ""
    events = "event_"
    snapshots = "snapshot_"


@final
class PluginCodecs:
    """The codecs of all plugins, by type and by name; see `casty.spi.codec.Codecs`."""

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


def make_serializer(
    plugins: PluginRegistry,
    config: SerializationConfig,
    resolve_ref: RefResolver,
    *,
    name: str | None = None,
    purpose: Purpose = Purpose.messages,
    over: Mapping[str, object] | None = None,
) -> Serializer:
    """The configured serializer, or the one called `name`; `over` are options that go before the configured ones.

    Another one than the configured is held to the same rules and bounds, as far as it knows them. Raises `PluginError`.
    """
    provider = plugins.serializer(config.default if name is None else name)
    if config.default in provider.names:
        table = _rules(config) | _meant_for(purpose, config.options) | _meant_for(purpose, over or {})
    else:
        known = {field.name for field in fields(provider.options)}
        shared = _meant_for(purpose, {key: value for key, value in config.options.items() if _is_bound(key)})
        table = {
            key: value
            for key, value in (_rules(config) | shared | _meant_for(purpose, over or {})).items()
            if key in known
        }
    serializer = provider.create(resolve_ref, build_options(provider, table))
    codecs = PluginCodecs(plugins.catalog)
    return serializer.with_codecs(codecs) if codecs and isinstance(serializer, CodecSerializer) else serializer


def split_bounds(options: Mapping[str, object], known: type) -> tuple[dict[str, object], dict[str, object]]:
    """A journal's options without the bounds of its values, and those; `known` is its own options' class."""
    own = {field.name for field in fields(known)}
    bounds = {key: value for key, value in options.items() if _is_bound(key) and key not in own}
    return {key: value for key, value in options.items() if key not in bounds}, bounds


def _rules(config: SerializationConfig) -> dict[str, object]:
    """Only what is set: a serializer of another kind need not know of any."""
    table: dict[str, object] = {"strict": True} if config.strict else {}
    if config.allow:
        table["allow"] = config.allow
    return table | {key: bound for key in BOUNDS if (bound := getattr(config, key)) is not None}


def _meant_for(purpose: Purpose, options: Mapping[str, object]) -> dict[str, object]:
    """The options of one purpose: those of all, and over them its own."""
    general = {key: value for key, value in options.items() if _purpose_of(key) is Purpose.messages}
    if purpose is Purpose.messages:
        return general
    own = {key.removeprefix(purpose.value): value for key, value in options.items() if _purpose_of(key) is purpose}
    return general | own


def _purpose_of(key: str) -> Purpose:
    own = (purpose for purpose in (Purpose.events, Purpose.snapshots) if key.startswith(purpose.value))
    return next(own, Purpose.messages)


def _is_bound(key: str) -> bool:
    return key.removeprefix(_purpose_of(key).value) in BOUNDS
