"""The bank's program of today: it reads what every release before it has stored."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, Flag
from typing import Final, NamedTuple, cast

from casty.serialization import MsgpackSerializer, Registry, Upcast, WireName


class Currency(Enum):
    """Version 2: members are called by their codes."""

    EUR = 1
    USD = 2


class Rights(Flag):
    """Version 2: the numbers have made room for another right."""

    READ = 1
    AUDIT = 2
    WRITE = 4


class Money(NamedTuple):
    """Version 2: an amount in place of cents."""

    amount: Decimal
    currency: Currency


@dataclass(frozen=True, slots=True)
class Deposited:
    """Version 3: version 2 had money in place of cents; here the account is split."""

    country: str
    number: int
    money: Money


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Version 1 still: a field with a default has come, which needs no other."""

    account: str
    money: Money
    note: str = "none"


@dataclass(frozen=True, slots=True)
class AccountClosed:
    """Called bank.Closed once."""

    account: str
    why: str


@dataclass(frozen=True, slots=True)
class Account:
    """Version 1 still, whatever the types of its fields have become."""

    rights: Rights
    last: Deposited | Withdrawn | None
    by_currency: dict[Currency, Money]


def currency_1(member: str) -> str:
    return {"EURO": "EUR", "DOLLAR": "USD"}[member]


def rights_1(number: int) -> int:
    return (number & 1) | (number & 2) << 1


def money_1(fields: dict[str, object]) -> dict[str, object]:
    return {"amount": Decimal(cast(int, fields["cents"])) / 100, "currency": fields["currency"]}


def deposited_1(fields: dict[str, object]) -> dict[str, object]:
    fields["money"] = Money(Decimal(cast(int, fields.pop("cents"))) / 100, Currency.EUR)
    return fields


def deposited_2(fields: dict[str, object]) -> dict[str, object]:
    country, _, number = cast(str, fields["account"]).partition(":")
    return {"country": country, "number": int(number), "money": fields["money"]}


def closed_1(fields: dict[str, object]) -> dict[str, object]:
    return {"account": fields["account"], "why": fields["reason"] or "unknown"}


REGISTRY: Final = Registry()
REGISTRY.register(Currency, "bank.Currency", 2)
REGISTRY.register(Rights, "bank.Rights", 2)
REGISTRY.register(Money, "bank.Money", 2)
REGISTRY.register(Deposited, "bank.Deposited", 3)
REGISTRY.register(Withdrawn, "bank.Withdrawn")
REGISTRY.register(AccountClosed, "bank.AccountClosed")
REGISTRY.register(Account, "bank.Account")
for step in (
    Upcast(WireName("bank.Currency", 1), WireName("bank.Currency", 2), currency_1),
    Upcast(WireName("bank.Rights", 1), WireName("bank.Rights", 2), rights_1),
    Upcast(WireName("bank.Money", 1), WireName("bank.Money", 2), money_1),
    Upcast(WireName("bank.Deposited", 1), WireName("bank.Deposited", 2), deposited_1),
    Upcast(WireName("bank.Deposited", 2), WireName("bank.Deposited", 3), deposited_2),
    Upcast(WireName("bank.Closed", 1), WireName("bank.AccountClosed", 1), closed_1),
):
    REGISTRY.register_upcast(step)

SERIALIZER: Final = MsgpackSerializer(registry=REGISTRY, strict=True)

EUROS: Final = Money(Decimal("1.5"), Currency.EUR)

VALUES: Final[dict[str, object]] = {
    "an event": Deposited("DE", 12, EUROS),
    "an event with a nested value": Withdrawn("DE:12", EUROS, note="cash"),
    "a renamed event": AccountClosed("DE:12", "moved"),
    "an enum": Currency.USD,
    "flags": Rights.READ | Rights.AUDIT,
    "a named tuple": EUROS,
    "a state": Account(Rights.AUDIT, Withdrawn("DE:12", EUROS), {Currency.EUR: EUROS}),
}

FROM_RELEASE_1: Final[dict[str, object]] = {
    "an event": Deposited("DE", 12, Money(Decimal("1.5"), Currency.EUR)),
    "an event with a nested value": Withdrawn("DE:12", Money(Decimal("0.5"), Currency.EUR)),
    "an event that will be renamed": AccountClosed("DE:12", "moved"),
    "an enum": Currency.USD,
    "flags": Rights.READ | Rights.WRITE,
    "a named tuple": Money(Decimal("0.99"), Currency.EUR),
    "a state": Account(
        Rights.WRITE,
        Deposited("FR", 7, Money(Decimal(2), Currency.EUR)),
        {Currency.USD: Money(Decimal(2), Currency.USD)},
    ),
    "a list of events": [
        Deposited("DE", 12, Money(Decimal("0.01"), Currency.EUR)),
        (AccountClosed("FR:7", "unknown"), {"last": Currency.EUR}),
    ],
}
"""What the values of the first release are in this one."""
