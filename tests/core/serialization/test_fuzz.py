"""Whatever the bytes, decoding makes wire types or raises `DecodeError`; it imports nothing (X2, B17)."""

import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any

import pytest
from casty.errors import DecodeError, UnknownManifestError
from casty.serialization import MsgpackSerializer
from casty.serialization.packing import extension, pack

from tests.core.serialization.samples import AN_ORDER, Box, Cents, Color, Item, Level, Point, Rights, a_ref

SERIALIZER = MsgpackSerializer()
EXAMPLES = 20_000
SEED = 20240229

FORBIDDEN = (
    "import",
    "exec",
    "compile",
    "open",
    "marshal.loads",
    "pickle.find_class",
    "os.system",
    "subprocess.Popen",
)

VALID: list[Any] = [
    AN_ORDER,
    [Point(1, 2), Color.RED, Level.HIGH, Rights.READ, Item("a", Cents(1))],
    {(1, 2): {3, 4}, "a": [a_ref(), 2**70, b"x", None, True]},
    Box([AN_ORDER.total, AN_ORDER.placed, frozenset({1.5})]),
]

_watching: list[list[str]] = []


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _watching and event.startswith(FORBIDDEN):
        _watching[-1].append(f"{event} {arguments!r:.200}")


sys.addaudithook(_audit)


@contextmanager
def nothing_is_executed() -> Generator[None]:
    seen: list[str] = []
    modules = set(sys.modules)
    _watching.append(seen)
    try:
        yield
    finally:
        _watching.pop()
    assert seen == []
    assert set(sys.modules) == modules


def decodes(payload: bytes) -> bool:
    """Whether it does, by itself or as an order; if not, it is refused by a `DecodeError`."""
    decoded = False
    for manifest, version in (("", 1), ("samples.Order", 3)):
        try:
            SERIALIZER.decode(manifest, version, payload)
            decoded = True
        except DecodeError:
            continue
    return decoded


@pytest.fixture(scope="module", autouse=True)
def plans_are_made() -> None:
    """Annotations are evaluated once per type, when its first value comes; that is the program's own code."""
    for value in VALID:
        assert SERIALIZER.loads(SERIALIZER.dumps(value)) == value


def test_random_bytes() -> None:
    random = Random(SEED)
    with nothing_is_executed():
        outcomes = {decodes(random.randbytes(random.randrange(0, 40))) for _ in range(EXAMPLES)}
    assert outcomes == {True, False}


def mutated(random: Random, frame: bytearray) -> bytes:
    for _ in range(random.randrange(1, 5)):
        at = random.randrange(len(frame) + 1)
        match random.randrange(4):
            case 0:
                frame[at : at + 1] = random.randbytes(1)
            case 1:
                del frame[at : at + random.randrange(1, 9)]
            case 2:
                frame[at:at] = random.randbytes(random.randrange(1, 5))
            case _:
                frame[at:at] = frame[: random.randrange(len(frame) + 1)]
    return bytes(frame)


def test_mutated_values() -> None:
    random = Random(SEED)
    frames = [SERIALIZER.dumps(value) for value in VALID] + [SERIALIZER.encode(AN_ORDER).payload]
    with nothing_is_executed():
        outcomes = {decodes(mutated(random, bytearray(random.choice(frames)))) for _ in range(EXAMPLES)}
    assert outcomes == {True, False}


def random_tree(random: Random, depth: int = 0) -> Any:
    """A tree that msgpack writes, but with marks, names and bodies in the wrong places."""
    tags = [extension(0, mark) for mark in (b"t", b"s", b"f", b"m", b"n", b"?", b"")]
    names = [
        "samples.Order",
        "samples.Item",
        "tests.core.serialization.samples:Point",
        "os:system",
        ":",
        "a:b.c",
        "",
    ]
    names += ["tests.core.serialization.samples:Color", "tests.core.serialization.samples:Rights"]
    leaves = [None, True, 1, -1, 2**64 - 1, 1.5, "id", "RED", b"", *names, *tags]
    leaves += [extension(random.randrange(128), random.randbytes(random.randrange(20)))]
    if depth > 4 or random.random() < 0.4:
        return random.choice(leaves)
    children = [random_tree(random, depth + 1) for _ in range(random.randrange(4))]
    match random.randrange(4):
        case 0:
            return {random.choice(["id", "name", "price", "x", "items"]): child for child in children}
        case 1:
            return [random.choice(tags), *children]
        case 2:
            return [tags[4], random.choice(names), random.choice([1, 3]), random_tree(random, depth + 1)]
        case _:
            return children


def test_well_formed_nonsense() -> None:
    random = Random(SEED)
    with nothing_is_executed():
        outcomes = {decodes(pack(random_tree(random))) for _ in range(EXAMPLES)}
    assert outcomes == {True, False}


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "json.tool:main",
        "xmlrpc.client:Fault",
        "nosuch:Thing",
        "tests.core.serialization.samples:Nosuch",
        "tests.core.serialization.samples:field",
        "tests.core.serialization.samples:Order.__init__",
        "tests.core.serialization.samples:__builtins__",
        "tests.core.serialization.samples",
        ":",
        "tests.core.serialization.samples:",
        "builtins:dict",
        "subprocess:Popen",
    ],
)
def test_a_name_of_nothing_that_may_travel_is_unknown(name: str) -> None:
    with nothing_is_executed(), pytest.raises(UnknownManifestError) as caught:
        SERIALIZER.decode(name, 1, b"\x80")
    assert caught.value.manifest == name
    with nothing_is_executed(), pytest.raises(UnknownManifestError):
        SERIALIZER.loads(pack([extension(0, b"n"), name, 1, {}]))


def test_the_watch_sees_an_import() -> None:
    """Or the tests above would prove nothing."""
    with pytest.raises(AssertionError, match="import"), nothing_is_executed(), suppress(ImportError):
        __import__("a_module_that_exists_nowhere")
