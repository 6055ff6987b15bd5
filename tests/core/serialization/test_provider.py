"""The serializer as configuration chooses it: by name, with options that take effect."""

import pytest
from casty.errors import DecodeError, EncodeError, PluginError
from casty.plugins import build_options
from casty.ref import DetachedRef
from casty.serialization import PROVIDER, Limits, MsgpackOptions
from casty.spi.serializer import Serializer

from tests.core.serialization.samples import AN_ORDER, Point


def made(**table: object) -> Serializer:
    return PROVIDER.create(DetachedRef, build_options(PROVIDER, table))


def test_it_is_called_msgpack_and_works_without_options() -> None:
    serializer = made()
    assert PROVIDER.names == (serializer.name,) == ("msgpack",)
    assert serializer.decode(*serializer.encode(AN_ORDER)) == AN_ORDER
    assert MsgpackOptions().limits() == Limits()


def test_every_option_takes_effect() -> None:
    with pytest.raises(EncodeError, match="could not be found"):
        made(strict=True).encode(Point(1))
    with pytest.raises(EncodeError, match="could not be found"):
        made(allow=["somewhere.else"]).encode(Point(1))
    with pytest.raises(EncodeError, match="max_payload=10"):
        made(max_payload=10).dumps(b"x" * 20)
    with pytest.raises(EncodeError, match="max_items=10"):
        made(max_items=10).dumps([1] * 20)
    with pytest.raises(DecodeError, match="max_depth allows: 1"):
        made(max_depth=1).loads(b"\x91\x90")


def test_a_bound_that_makes_no_sense_is_an_error_of_the_options() -> None:
    with pytest.raises(PluginError, match="max_depth is at most 128, not 1000"):
        made(max_depth=1000)
