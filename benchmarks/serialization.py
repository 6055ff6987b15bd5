"""Encode and decode a message of five fields, one of them a reference: msgpack compared with pickle and json.

    python benchmarks/serialization.py [--json] [--repeat 5] [--number 20000]

The ratios are to pickle. "Text for the ref" sends the address as a str, as other serializers would need it.
"""

import argparse
import json
import pickle
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from timeit import timeit
from typing import NamedTuple

from casty.address import ActorAddress
from casty.ref import ActorRef, DetachedRef
from casty.serialization import MsgpackSerializer, message


@message("benchmark.Deposit")
@dataclass(frozen=True, slots=True)
class Deposit:
    account: str
    amount: int
    rate: float
    note: str | None
    reply_to: ActorRef[str]


@message("benchmark.TextDeposit")
@dataclass(frozen=True, slots=True)
class TextDeposit:
    account: str
    amount: int
    rate: float
    note: str | None
    reply_to: str


class Contender(NamedTuple):
    """One way of encoding and decoding a message."""

    name: str
    there: Callable[[], bytes]
    back: Callable[[bytes], object]


class Result(NamedTuple):
    """Medians over the runs: round trips per second, their ratio to pickle's, and bytes."""

    name: str
    per_second: float
    ratio: float
    size: int


ADDRESS = ActorAddress(system="bank", path="/user/tellers/t-1", host="10.0.0.1", port=25520, uid=4711)
DEPOSIT = Deposit("account-17", 4200, 0.025, "salary", DetachedRef(ADDRESS))
TEXT_DEPOSIT = TextDeposit("account-17", 4200, 0.025, "salary", ADDRESS.to_uri())


def from_json(data: bytes) -> TextDeposit:
    return TextDeposit(**json.loads(data))


def contenders() -> list[Contender]:
    """The contenders; pickle, the measure, comes first. References cannot be pickled: it gets a string for one."""
    serializer = MsgpackSerializer()

    def there(value: object) -> Callable[[], bytes]:
        return lambda: serializer.encode(value).payload

    def back(manifest: str) -> Callable[[bytes], object]:
        return lambda payload: serializer.decode(manifest, 1, payload)

    return [
        Contender("pickle, text for the ref", lambda: pickle.dumps(TEXT_DEPOSIT), pickle.loads),
        Contender(
            "json, text for the ref",
            lambda: json.dumps(asdict(TEXT_DEPOSIT)).encode(),
            from_json,
        ),
        Contender("msgpack, text for the ref", there(TEXT_DEPOSIT), back("benchmark.TextDeposit")),
        Contender("msgpack", there(DEPOSIT), back("benchmark.Deposit")),
        Contender(
            "msgpack, self-describing",
            lambda: serializer.dumps(DEPOSIT),
            serializer.loads,
        ),
    ]


def measure(repeat: int, number: int) -> list[Result]:
    """Measure interleaved, so that a slow moment of the machine affects all contenders."""
    entrants = contenders()
    rates: dict[str, list[float]] = {entrant.name: [] for entrant in entrants}
    for _ in range(repeat):
        for name, there, back in entrants:
            seconds = timeit(lambda: back(there()), number=number)  # noqa: B023  # called at once
            rates[name].append(number / seconds)
    floor = median(rates[entrants[0].name])
    return [Result(name, median(rates[name]), median(rates[name]) / floor, len(there())) for name, there, _ in entrants]


def main() -> None:
    parser = argparse.ArgumentParser(description="Encode and decode a message of five fields.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--repeat", type=int, default=5, help="interleaved runs, whose median counts")
    parser.add_argument("--number", type=int, default=20_000, help="round trips in a run")
    options = parser.parse_args()
    results = measure(options.repeat, options.number)
    if options.json:
        json.dump([result._asdict() for result in results], sys.stdout, indent=1)
        return
    print(f"{'encode + decode':<28}{'per second':>12}{'ratio':>8}{'bytes':>8}")
    for name, per_second, ratio, size in results:
        print(f"{name:<28}{per_second:>12,.0f}{ratio:>8.2f}{size:>8}")


if __name__ == "__main__":
    main()
