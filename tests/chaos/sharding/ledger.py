"""Accounts as entities, on a journal that all nodes share: each books a transaction once, however often it is sent."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from casty import ActorContext, ActorRef, Behavior, Behaviors
from casty.serialization import message

REGION: Final = "accounts"
SHARDS: Final = 100


class Row(NamedTuple):
    """A transaction of the file."""

    trans_id: str
    account_id: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    balance: Decimal = Decimal("0.00")
    booked: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    """The amounts by `trans_id`."""


@message("chaos.Booked")
@dataclass(frozen=True, slots=True)
class Booked:
    trans_id: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    trans_id: str
    amount: Decimal
    reply_to: ActorRef[str]


@dataclass(frozen=True, slots=True)
class GetBalance:
    reply_to: ActorRef[Decimal]


type Command = Book | GetBalance


def on_event(account: Account, event: Booked) -> Account:
    return Account(account.balance + event.amount, {**account.booked, event.trans_id: event.amount})


async def on_command(ctx: ActorContext[Command], account: Account, command: Command) -> Behavior[Command]:
    match command:
        case Book(trans_id, amount, reply_to) if trans_id not in account.booked:
            return Behaviors.persisted([Booked(trans_id, amount)], reply=(reply_to, trans_id))
        case Book(trans_id, _, reply_to):
            reply_to.tell(trans_id)
        case GetBalance(reply_to):
            reply_to.tell(account.balance)
    return Behaviors.same()


def account(account_id: str, journal: str) -> Behavior[Command]:
    return Behaviors.event_sourced(
        entity_id=f"account-{account_id}",
        journal=journal,
        initial_state=Account(),
        on_event=on_event,
        on_command=on_command,
    )


def rows_of(file: Path) -> Sequence[Row]:
    with file.open(newline="") as rows:
        return [
            Row(row["trans_id"], row["account_id"], Decimal(row["amount"]) * (1 if row["type"] == "credit" else -1))
            for row in csv.DictReader(rows)
        ]
