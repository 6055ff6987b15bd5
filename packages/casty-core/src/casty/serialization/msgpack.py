"""The serializer that Casty uses unless told otherwise. `docs/serialization.md` is its guide."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self

from casty.errors import DecodeError, EncodeError
from casty.plugins.providers import SerializerProvider
from casty.ref import DetachedRef
from casty.serialization.catalog import Catalog
from casty.serialization.explain import locate
from casty.serialization.limits import Limits, TooDeepError
from casty.serialization.packing import Tree, pack, unpack
from casty.serialization.reading import Reader
from casty.serialization.registry import REGISTRY, Registry
from casty.serialization.writing import Writer
from casty.spi.codec import WRITTEN_WITHOUT, Codecs
from casty.spi.serializer import Encoded, RefResolver

NAME: Final = "msgpack"

DEFAULT_LIMITS: Final = Limits()

PLAIN_VERSION: Final = 1
"""The version of values without a type of their own."""


class MsgpackSerializer:
    """Carries the wire types of the guide, and nothing else.

    `strict` decodes registered types only. `allow` names modules, with those below them, whose types need not
    be registered; where it is given, it decides alone. Decoding never imports anything.
    """

    def __init__(
        self,
        *,
        registry: Registry = REGISTRY,
        resolve_ref: RefResolver = DetachedRef,
        strict: bool = False,
        allow: Sequence[str] = (),
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._resolve_ref = resolve_ref
        self._limits = limits
        self._make_catalog = partial(Catalog, registry, strict=strict, allow=allow)
        self._use()

    def for_storing(self) -> Self:
        """One like it that warns of names which only the file has that was started; see `NamingSerializer`."""
        return self._with(storing=True)

    def with_codecs(self, codecs: Codecs) -> Self:
        """One like it that carries further types; see `CodecSerializer`."""
        return self._with(codecs=codecs)

    def _with(self, **settings: Any) -> Self:
        other = copy(self)
        other._make_catalog = partial(self._make_catalog, **settings)
        other._use()
        return other

    def _use(self) -> None:
        self._catalog = self._make_catalog()
        self._plans = self._catalog.plans
        self._write = Writer(self._catalog, self._limits).write
        self._suspicious = min(self._limits.max_items, self._limits.max_payload)
        """A payload of at most so many bytes cannot be beyond either bound."""
        self._reader = Reader(self._catalog, self._resolve_ref, self._limits)

    @property
    def name(self) -> str:
        return NAME

    def encode(self, value: object) -> Encoded:
        kind = type(value)
        plan = self._plans.get(kind)
        if plan is None and kind in WRITTEN_WITHOUT:
            return Encoded("", PLAIN_VERSION, self.dumps(value))
        try:
            if plan is None and not self._catalog.has(kind):
                return Encoded("", PLAIN_VERSION, self._pack(self._write(value)))
            if plan is None:
                plan = self._catalog.of(kind)
            payload = pack(plan.write(value, 1, self._write))
            if len(payload) > self._suspicious:
                self._inspect(payload)
            name, version = plan.wire
            return Encoded._make((name, version, payload))  # in half the time of its constructor
        except Exception as error:
            raise self._located(value, error) from _cause(error)

    def decode(self, manifest: str, version: int, payload: bytes) -> object:
        try:
            if manifest:
                return self._catalog.named(manifest, version).read(self._reader.unpack(payload), 1, self._reader.read)
            if version != PLAIN_VERSION:
                raise DecodeError(f"a plain value is stored as version {PLAIN_VERSION}, not {version}")
            return self._reader.read(self._reader.unpack(payload))
        except DecodeError:
            raise
        except Exception as error:  # see `_refusal`
            raise DecodeError(f"reading it raised {type(error).__name__}: {error}") from error

    def dumps(self, value: object) -> bytes:
        try:
            return self._pack(self._write(value))
        except Exception as error:
            raise self._located(value, error) from _cause(error)

    def loads(self, data: bytes) -> object:
        return self.decode("", PLAIN_VERSION, data)

    def _pack(self, tree: Tree) -> bytes:
        payload = pack(tree)
        if len(payload) > self._suspicious:
            self._inspect(payload)
        return payload

    def _inspect(self, payload: bytes) -> None:
        limits = self._limits
        try:
            unpack(payload, limits)
        except DecodeError:
            raise EncodeError(
                f"its {len(payload)} bytes are beyond max_payload={limits.max_payload}, or its values "
                f"beyond max_items={limits.max_items}; split it, or raise the bound for every reader"
            ) from None

    def _located(self, value: object, error: Exception) -> EncodeError:
        def attempt(part: Any) -> EncodeError | None:
            try:
                self._pack(self._write(part))
            except Exception as refusal:
                return self._refusal(refusal)
            return None

        path, reason = locate(value, attempt, self._refusal(error))
        return EncodeError(f"cannot encode {path}: {reason}")

    def _refusal(self, error: Exception) -> EncodeError:
        """A value's own code may raise anything: a property, a `__hash__`, an `__instancecheck__`."""
        if isinstance(error, EncodeError):
            return error
        if isinstance(error, RecursionError):  # a cycle, in which the annotation of an alias goes round as well
            return TooDeepError(self._limits.max_depth)
        return EncodeError(f"writing it raised {type(error).__name__}: {error}")


def _cause(error: Exception) -> BaseException | None:
    """The error of code that is not ours, if there was one."""
    return error.__cause__ if isinstance(error, EncodeError) else error


@dataclass(frozen=True, slots=True, kw_only=True)
class MsgpackOptions:
    """The settings of `msgpack`. Bounds are as in `Limits`."""

    strict: bool = False
    allow: tuple[str, ...] = ()
    max_payload: int = DEFAULT_LIMITS.max_payload
    max_items: int = DEFAULT_LIMITS.max_items
    max_depth: int = DEFAULT_LIMITS.max_depth

    def limits(self) -> Limits:
        """Raises ValueError for bounds that make no sense."""
        return Limits(max_payload=self.max_payload, max_items=self.max_items, max_depth=self.max_depth)

    def __post_init__(self) -> None:
        self.limits()


def _create(resolve_ref: RefResolver, options: MsgpackOptions) -> MsgpackSerializer:
    return MsgpackSerializer(
        resolve_ref=resolve_ref, strict=options.strict, allow=options.allow, limits=options.limits()
    )


PROVIDER: Final = SerializerProvider(names=(NAME,), create=_create, options=MsgpackOptions)
