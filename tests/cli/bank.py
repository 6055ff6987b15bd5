"""The types of a bank, as the user of a journal has them; `--types tests.cli.bank` makes them known."""

from dataclasses import dataclass

from casty import event, upcast


@event("cli.Deposited", version=2)
@dataclass(frozen=True, slots=True)
class Deposited:
    amount: int
    currency: str


@upcast("cli.Deposited", 1)
def _(fields: dict[str, object]) -> dict[str, object]:
    return {**fields, "currency": "EUR"}
