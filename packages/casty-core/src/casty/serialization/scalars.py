"""Single values that msgpack has no type for, each an extension of its own. The codes are for good."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from struct import Struct
from typing import Any, Final
from uuid import UUID

from casty.errors import EncodeError
from casty.serialization.packing import BIG_INT

PLAIN: Final = frozenset((type(None), bool, int, float, str, bytes))
"""Types that msgpack writes and reads by itself, larger integers included."""

_FOLD: Final = "f"
"""Behind a time: the second of two equal ones when clocks go back."""

_timedelta: Final = Struct(">iii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """How one type is written. `load` may raise anything for bytes that `dump` did not make."""

    code: int
    type: type
    dump: Callable[[Any], bytes]
    load: Callable[[bytes], object]


def _dump_moment(value: datetime | time) -> bytes:
    if value.tzinfo is not None and value.utcoffset() is None:
        raise EncodeError(f"a {type(value).__name__} whose time zone has no offset; convert it to UTC")
    return (value.isoformat() + _FOLD * value.fold).encode("ascii")


def _load_moment[T: (datetime, time)](read: Callable[[str], T]) -> Callable[[bytes], T]:
    def load(data: bytes) -> T:
        text = data.decode("ascii")
        moment = read(text.removesuffix(_FOLD))
        return moment.replace(fold=1) if text.endswith(_FOLD) else moment

    return load


SCALARS: Final = (
    Scalar(
        code=2,
        type=Decimal,
        dump=lambda value: str(value).encode("ascii"),
        load=lambda data: Decimal(data.decode("ascii")),
    ),
    Scalar(code=3, type=datetime, dump=_dump_moment, load=_load_moment(datetime.fromisoformat)),
    Scalar(
        code=4,
        type=date,
        dump=lambda value: value.isoformat().encode("ascii"),
        load=lambda data: date.fromisoformat(data.decode("ascii")),
    ),
    Scalar(code=5, type=time, dump=_dump_moment, load=_load_moment(time.fromisoformat)),
    Scalar(
        code=6,
        type=timedelta,
        dump=lambda value: _timedelta.pack(value.days, value.seconds, value.microseconds),
        load=lambda data: timedelta(*_timedelta.unpack(data)),
    ),
    Scalar(code=7, type=UUID, dump=lambda value: value.bytes, load=lambda data: UUID(bytes=data)),
)

LOADERS: Final[dict[int, Callable[[bytes], object]]] = {
    BIG_INT: lambda data: int.from_bytes(data, "big", signed=True),
    **{scalar.code: scalar.load for scalar in SCALARS},
}
"""By code. References are not among them: only a serializer knows how to resolve them."""
