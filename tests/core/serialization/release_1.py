"""A bank's program as it was when its first events were stored. Nothing here may change."""

from dataclasses import dataclass
from enum import Enum, Flag
from typing import Final, NamedTuple

from casty.serialization import MsgpackSerializer, Registry


class Currency(Enum):
    EURO = 1
    DOLLAR = 2


class Rights(Flag):
    READ = 1
    WRITE = 2


class Money(NamedTuple):
    cents: int
    currency: Currency


@dataclass(frozen=True, slots=True)
class Deposited:
    account: str
    cents: int


@dataclass(frozen=True, slots=True)
class Withdrawn:
    account: str
    money: Money


@dataclass(frozen=True, slots=True)
class Closed:
    account: str
    reason: str


@dataclass(frozen=True, slots=True)
class Account:
    """The state in snapshots."""

    rights: Rights
    last: Deposited | Withdrawn | None
    by_currency: dict[Currency, Money]


REGISTRY: Final = Registry()
for kind in (Currency, Rights, Money, Deposited, Withdrawn, Closed, Account):
    REGISTRY.register(kind, f"bank.{kind.__name__}")

SERIALIZER: Final = MsgpackSerializer(registry=REGISTRY, strict=True)

VALUES: Final[dict[str, object]] = {
    "an event": Deposited("DE:12", 150),
    "an event with a nested value": Withdrawn("DE:12", Money(50, Currency.EURO)),
    "an event that will be renamed": Closed("DE:12", "moved"),
    "an enum": Currency.DOLLAR,
    "flags": Rights.READ | Rights.WRITE,
    "a named tuple": Money(99, Currency.EURO),
    "a state": Account(Rights.WRITE, Deposited("FR:7", 200), {Currency.DOLLAR: Money(200, Currency.DOLLAR)}),
    "a list of events": [Deposited("DE:12", 1), (Closed("FR:7", ""), {"last": Currency.EURO})],
}
