"""`MsgpackSerializer` does all that a serializer must."""

import pytest
from casty.serialization import MsgpackSerializer
from casty.spi.serializer import RefResolver
from casty.testing.conformance.serializer import Capabilities, Check, checks


def create(resolve_ref: RefResolver) -> MsgpackSerializer:
    return MsgpackSerializer(resolve_ref=resolve_ref, strict=True)


@pytest.mark.parametrize("check", checks())
def test_msgpack_conforms(check: Check) -> None:
    check(create)


def test_what_is_not_promised_is_left_out() -> None:
    left_out = {check.__name__ for check in checks()} - {
        check.__name__ for check in checks(Capabilities(upcasting=False))
    }
    assert "upcasters_are_taken_in_turn" in left_out
    assert checks(Capabilities(deterministic=False)) == [
        check for check in checks() if check.__name__ != "equal_values_are_equal_bytes"
    ]
