"""Types of other libraries, carried by the codecs that plugins offer."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePath
from typing import Any, cast

import pytest
from casty import ActorRef, ActorSystem, Behaviors, InMemoryJournal, SnapshotEvery
from casty.errors import DecodeError, EncodeError, SerializationError, UnknownManifestError
from casty.plugins import CodecProvider, PluginRegistry, hookimpl
from casty.plugins.serializers import PluginCodecs
from casty.serialization import MsgpackSerializer, Registry, event
from casty.serialization.limits import Limits
from casty.serialization.scalars import PLAIN
from casty.spi.codec import WRITTEN_WITHOUT

from tests.core.serialization.samples import Box


class Model:
    """As libraries have them whose users derive classes."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.fields == cast(Model, other).fields

    def __hash__(self) -> int:
        return hash(tuple(self.fields))


class Order(Model):
    pass


@event("codecs.Named")
class Named(Model):
    pass


@dataclass(frozen=True)
class Plain(Model):
    a: int


@dataclass(frozen=True)
class Route:
    path: PurePath
    lengths: tuple[Fraction, ...] = ()
    order: Order | None = None


def pair_of(value: Fraction) -> object:
    return value.numerator, value.denominator


def fraction_of(pair: tuple[int, int]) -> Fraction:
    return Fraction(*pair)


def fields_of(value: Model) -> object:
    return value.fields


def model_of(kind: type[Model], fields: dict[str, Any]) -> Model:
    return kind(**fields)


PURE_PATH = CodecProvider(names=("path", "old-path"), for_type=PurePath, dump=str, load=Path)
FRACTION = CodecProvider(
    names=("fraction",),
    for_type="fractions:Fraction",
    dump=pair_of,
    load=fraction_of,
)
MODEL = CodecProvider(
    names=("model",),
    for_type=Model,
    dump=fields_of,
    load=model_of,
    by_class=True,
)


class Plugin:
    def __init__(self, *codecs: CodecProvider) -> None:
        self._codecs = codecs

    @hookimpl
    def casty_codecs(self) -> list[CodecProvider]:
        return list(self._codecs)


def serializer_with(*codecs: CodecProvider, **settings: Any) -> MsgpackSerializer:
    registry = PluginRegistry.discover(extra=[Plugin(*codecs)])
    return MsgpackSerializer(**settings).with_codecs(PluginCodecs(registry.catalog))


ALL = (PURE_PATH, FRACTION, MODEL)


@pytest.mark.parametrize(
    "value",
    [
        Path("/a/b"),
        Fraction(1, 3),
        Order(id=1, parts=[Order(id=2), Path("c")]),
        Named(a=Fraction(1, 2)),
        Route(Path("a"), (Fraction(1), Fraction(2, 3)), Order(n=1)),
        {Fraction(1, 2): [Path("a")]},
        {Fraction(1, 2), Fraction(3)},
        Plain(1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_foreign_values_come_back_of_their_type(value: object) -> None:
    serializer = serializer_with(*ALL)
    for back in (
        serializer.loads(serializer.dumps(value)),
        serializer.decode(*serializer.encode(value)),
        serializer.decode(*serializer.encode(value)),
    ):
        assert back == value
        assert type(back) is type(value)


def test_what_is_written_is_named_by_the_codec_or_by_the_class() -> None:
    serializer = serializer_with(*ALL)
    manifests = [serializer.encode(value).manifest for value in (Fraction(1), Order(), Named(), Plain(1), Fraction(2))]
    assert manifests == [":fraction", f"{__name__}:Order", "codecs.Named", f"{__name__}:Plain", ":fraction"]


def test_an_older_name_is_read_as_well() -> None:
    serializer = serializer_with(PURE_PATH)
    assert serializer.decode(":old-path", 1, serializer.encode(Path("a")).payload) == Path("a")


def test_a_codec_is_named_where_it_is_missing() -> None:
    encoded = serializer_with(FRACTION).encode(Fraction(1))
    with pytest.raises(UnknownManifestError, match="':fraction'; install the plugin that offers this codec"):
        MsgpackSerializer().decode(*encoded)
    with pytest.raises(EncodeError, match=r"Route\.lengths\[0\]: fractions\.Fraction is not a wire type"):
        serializer_with(PURE_PATH).encode(Route(Path("a"), (Fraction(1),)))


def test_the_annotation_of_a_field_holds_for_foreign_values_too() -> None:
    serializer = serializer_with(*ALL)
    with pytest.raises(EncodeError, match=r"Route\.path wants PurePath, not a value of type Fraction"):
        serializer.encode(Route(cast(Any, Fraction(1))))


def raising(*_: object) -> Any:
    raise RuntimeError("not today")


def itself(value: Any) -> object:
    return value


def asked(reply_to: ActorRef[list[Any]]) -> object:
    return reply_to


def nothing(value: object) -> None:
    return None


def an_object(value: object) -> object:
    return object()


def too_much(value: object) -> object:
    return "x" * 100


def an_argument_less() -> object:
    return None


def a_model(kind: type[Model], fields: object) -> object:
    return Model()


def codec(dump: Callable[[Any], object] = str, load: Callable[..., object] = Fraction) -> CodecProvider:
    return CodecProvider(names=("fraction",), for_type=Fraction, dump=dump, load=load)


@pytest.mark.parametrize(
    ("dump", "message"),
    [
        (raising, "Box.content: the codec 'fraction' raised RuntimeError: not today"),
        (an_object, "Box.content: the codec 'fraction' returned <object object at .*>, which cannot be"),
        (itself, "nests deeper than 64 containers, or contains itself"),
    ],
)
def test_a_codec_that_cannot_write_is_named(dump: Callable[[Any], object], message: str) -> None:
    with pytest.raises(EncodeError, match=message):
        serializer_with(codec(dump=dump)).encode(Box(Fraction(1)))


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (raising, "the codec 'fraction' raised RuntimeError: not today"),
        (itself, "the codec 'fraction' returned '1', and not a value of type Fraction"),
        (nothing, "the codec 'fraction' returned None, and not a value of type Fraction"),
        (an_argument_less, "the codec 'fraction' raised TypeError"),
    ],
)
def test_a_codec_that_cannot_read_is_named(load: Callable[..., object], message: str) -> None:
    serializer = serializer_with(codec(load=load))
    for encoded in (serializer.encode(Fraction(1)), serializer.encode(Box(Fraction(1)))):
        with pytest.raises(DecodeError, match=message):
            serializer.decode(*encoded)


def test_by_class_a_value_is_of_the_very_class() -> None:
    model = CodecProvider(names=("model",), for_type=Model, dump=fields_of, load=a_model, by_class=True)
    serializer = serializer_with(model)
    assert serializer.decode(*serializer.encode(Model())) == Model()
    with pytest.raises(DecodeError, match=r"the codec 'model' returned .*, and not a value of type Order"):
        serializer.decode(*serializer.encode(Order()))


def test_strict_holds_for_classes_and_not_for_codecs() -> None:
    serializer = serializer_with(*ALL, strict=True)
    assert serializer.decode(*serializer.encode(Named(a=Fraction(1)))) == Named(a=Fraction(1))
    with pytest.raises(EncodeError, match="Order could not be found by that name"):
        serializer.encode(Order())


def test_the_bounds_hold_for_what_a_codec_makes() -> None:
    serializer = serializer_with(codec(dump=too_much), limits=Limits(max_payload=50))
    with pytest.raises(EncodeError, match="beyond max_payload=50"):
        serializer.encode(Fraction(1))


@pytest.mark.parametrize("other", ["fraction", "another"])
def test_two_codecs_for_one_type_or_name_are_an_error_when_used(other: str) -> None:
    rival = CodecProvider(names=(other,), for_type=Fraction if other == "another" else Path, dump=str, load=Fraction)
    registry = PluginRegistry.discover(extra=[Plugin(FRACTION), Plugin(rival)])
    serializer = MsgpackSerializer().with_codecs(PluginCodecs(registry.catalog))
    assert serializer.loads(serializer.dumps([1, "a"])) == [1, "a"]
    message = "2 codecs are for fractions.Fraction" if other == "another" else "2 plugins offer the codec 'fraction'"
    with pytest.raises(EncodeError, match=message):
        serializer.encode(Box(Fraction(1)))
    with pytest.raises(EncodeError, match=message):
        serializer.encode(Fraction(1))
    if other == "fraction":
        with pytest.raises(DecodeError, match=message):
            serializer.decode(":fraction", 1, serializer_with(FRACTION).encode(Fraction(1)).payload)


def test_a_codec_of_another_spi_is_named() -> None:
    future = CodecProvider(names=("fraction",), for_type=Fraction, dump=str, load=Fraction, spi=99)
    with pytest.raises(EncodeError, match="speaks codec SPI 99"):
        serializer_with(future).encode(Box(Fraction(1)))


def test_a_type_that_needs_no_codec_is_refused() -> None:
    assert PLAIN <= WRITTEN_WITHOUT
    for kind in WRITTEN_WITHOUT:
        with pytest.raises(ValueError, match="needs no codec, and would never be given to one"):
            CodecProvider(names=("x",), for_type=kind, dump=str, load=str)
    with pytest.raises(ValueError, match=r"a class or a text 'module:QualName', not 'fractions\.Fraction'"):
        CodecProvider(names=("x",), for_type="fractions.Fraction", dump=str, load=str)


def test_a_class_without_a_base_has_to_be_decorated_still() -> None:
    class Bare:
        pass

    with pytest.raises(SerializationError, match="it is no dataclass"):
        Registry().register(Bare, "codecs.Bare")


def test_a_text_names_a_type_without_importing_it() -> None:
    serializer = serializer_with(FRACTION)
    assert serializer.decode(*serializer.encode(Fraction(1, 3))) == Fraction(1, 3)


def with_added(state: list[Any], added: object) -> list[Any]:
    return [*state, added]


async def test_events_states_and_messages_may_hold_foreign_values() -> None:
    journal = InMemoryJournal()

    told: list[list[Any]] = []

    async def on_command(ctx: Any, state: list[Any], command: Any) -> Any:
        if isinstance(command, ActorRef):
            cast(ActorRef[Any], command).tell(state)
            return Behaviors.same()
        return Behaviors.persisted([command])

    for added in ([Order(id=1), Fraction(1, 2)], [Path("a")]):
        async with ActorSystem(plugins=[Plugin(*ALL)]) as system:
            ref: ActorRef[Any] = system.spawn(
                Behaviors.event_sourced(
                    entity_id="e",
                    initial_state=list[Any](),
                    on_event=with_added,
                    on_command=on_command,
                    journal=journal,
                    snapshot_policy=SnapshotEvery(n_events=2),
                )
            )
            for value in added:
                ref.tell(value)
            told.append(await system.ask(ref, asked))
    assert told == [[Order(id=1), Fraction(1, 2)], [Order(id=1), Fraction(1, 2), Path("a")]]
