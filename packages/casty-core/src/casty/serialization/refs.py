"""References in bytes: an actor's address as a URI."""

from typing import Final

from casty.address import ActorAddress
from casty.errors import DecodeError, EncodeError
from casty.serialization.packing import Extension, extension

REF: Final = 8
"""The extension's code, for good."""

MAX_URI: Final = 2048
"""Bytes."""


def address_to_extension(address: ActorAddress) -> Extension:
    """Raises `EncodeError` for an address that is too long."""
    data = address.to_uri().encode()
    if len(data) > MAX_URI:
        raise EncodeError(f"an actor's address of {len(data)} bytes; at most {MAX_URI} travel, use shorter names")
    return extension(REF, data)


def address_from_bytes(data: bytes) -> ActorAddress:
    """Raises `DecodeError` for anything that is not an address."""
    if len(data) > MAX_URI:
        raise DecodeError(f"an actor's address of {len(data)} bytes; at most {MAX_URI} travel")
    try:
        return ActorAddress.from_uri(data.decode())
    except ValueError as error:
        raise DecodeError(str(error)) from None
