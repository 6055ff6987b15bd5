"""For any bytes, decoding returns values of known types or raises `DecodeError`, and does nothing else."""

import sys
from collections.abc import Callable
from random import Random
from typing import Final

from casty.errors import DecodeError, UnknownManifestError
from casty.ref import DetachedRef
from casty.spi.serializer import Serializer
from casty.testing.conformance.expectations import expect_equal
from casty.testing.conformance.serializer.expectations import SEED, expect_refused
from casty.testing.conformance.serializer.registry import Checks, Create
from casty.testing.conformance.serializer.values import Box, order, value

EXAMPLES: Final = 3_000
UNIMPORTED: Final = "casty.testing.conformance.serializer.unimported"

check = Checks()


@check
def an_unknown_type_is_named(create: Create) -> None:
    """Also one that exists but is not serializable."""
    serializer = create(DetachedRef)
    payload = serializer.encode(Box(1)).payload
    for name in ("no.such.Type", "builtins:eval", "os:system", "casty.ref:ActorRef", f"{__name__}:altered", ":"):
        error = expect_refused(
            f"the type {name!r}", UnknownManifestError, lambda name=name: serializer.decode(name, 1, payload)
        )
        expect_equal("the manifest of the error", error.manifest, name)


@check
def nothing_is_imported(create: Create) -> None:
    """The name of a serializable type does not load its module."""
    serializer = create(DetachedRef)
    payload = serializer.encode(Box(1)).payload
    sys.modules.pop(UNIMPORTED, None)
    name = f"{UNIMPORTED}:Unimported"
    expect_refused(f"the type {name!r}", UnknownManifestError, lambda: serializer.decode(name, 1, payload))
    expect_equal(f"whether {UNIMPORTED} is imported", UNIMPORTED in sys.modules, False)


@check
def random_bytes_do_no_harm(create: Create) -> None:
    random = Random(SEED)
    outlives(create(DetachedRef), lambda: random.randbytes(random.randrange(60)))


@check
def altered_bytes_do_no_harm(create: Create) -> None:
    """Valid bytes, of which some were changed, lost, added or repeated."""
    serializer, random = create(DetachedRef), Random(SEED)
    originals = [serializer.encode(order(random)).payload for _ in range(9)]
    originals += [serializer.dumps(value(random)) for _ in range(99)]
    outlives(serializer, lambda: altered(random, bytearray(random.choice(originals))))


@check
def no_part_of_a_value_is_one(create: Create) -> None:
    """Neither a prefix of a value, nor a value with trailing bytes."""
    serializer = create(DetachedRef)
    manifest, version, payload = serializer.encode(order(Random(SEED)))
    for wrong in (*(payload[:length] for length in range(len(payload))), payload + payload):
        what = f"{len(wrong)} bytes in place of {len(payload)}"
        expect_refused(what, DecodeError, lambda data=wrong: serializer.decode(manifest, version, data))


def outlives(serializer: Serializer, make: Callable[[], bytes]) -> None:
    # Modules needed by the program's own types are loaded with the first value.
    serializer.loads(serializer.dumps(order(Random(SEED))))
    modules = set(sys.modules)
    for _ in range(EXAMPLES):
        payload = make()
        for manifest, version in (("", 1), ("casty.conformance.Order", 3)):
            try:
                serializer.decode(manifest, version, payload)
            except DecodeError:
                continue
            except Exception as error:
                raise AssertionError(f"{payload!r}: wanted DecodeError, there is {error!r}") from error
    expect_equal("modules that decoding has imported", set(sys.modules) - modules, set[str]())


def altered(random: Random, payload: bytearray) -> bytes:
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(payload) + 1)
        match random.randrange(4):
            case 0:
                payload[at : at + 1] = random.randbytes(1)
            case 1:
                del payload[at : at + random.randrange(1, 9)]
            case 2:
                payload[at:at] = random.randbytes(random.randrange(1, 5))
            case _:
                payload[at:at] = payload[: random.randrange(len(payload) + 1)]
    return bytes(payload)
