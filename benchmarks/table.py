"""Runs measurements alternating with their floors, round after round, and prints a table of ratios.

A floor is the speed of the interpreter, or of a driver, for the same work without any actor. Both are measured in the
same run, one directly after the other, so that a slow moment of the machine affects both.
"""

import argparse
import asyncio
import gc
import json
import logging
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

type Run = Callable[[], Coroutine[Any, Any, float]]

RATE: Final = "/s"
"""The only unit of which more is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The figure that `run` measures, in `unit`, and its `floor`.

    `target` is the lowest acceptable ratio to the floor; without a floor, it is a bound on the figure itself.
    """

    name: str
    run: Run
    unit: str = RATE
    floor: Run | None = None
    target: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Medians over the rounds, and the best; the ratio is that of each round to its own floor."""

    name: str
    unit: str
    value: float
    best: float
    floor: float | None
    ratio: float | None
    target: float | None
    met: bool | None


def run_program(title: str, measurements_at: Callable[[float], Sequence[Measurement]]) -> None:
    """A benchmark's `main`: run the measurements that the command line selects, at its scale, and print them."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, default=5, help="rounds whose median counts, after one to warm up")
    parser.add_argument("--only", metavar="NAME", help="only measurements with this in their names")
    parser.add_argument("--scale", type=float, default=1.0, help="times the usual number of operations")
    parser.add_argument("--cold", action="store_true", help="without the round to warm up")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    chosen = [each for each in measurements_at(options.scale) if (options.only or "") in each.name]
    rows = measure(chosen, options.rounds, warm_up=not options.cold)
    if options.json:
        json.dump([asdict(row) for row in rows], sys.stdout, indent=1)
    else:
        print_table(title, rows)


def measure(measurements: Sequence[Measurement], rounds: int, *, warm_up: bool = True) -> list[Row]:
    """Return a row per measurement. What is measured to warm up does not count."""
    values: dict[str, list[float]] = {each.name: [] for each in measurements}
    floors: dict[str, list[float]] = {each.name: [] for each in measurements}
    for number in range(rounds + warm_up):
        for each in measurements:
            floor = 0.0 if each.floor is None else _figure(each.floor)
            value = _figure(each.run)
            if number >= warm_up:
                floors[each.name].append(floor)
                values[each.name].append(value)
    return [_row(each, values[each.name], floors[each.name]) for each in measurements]


def _figure(run: Run) -> float:
    gc.collect()
    return asyncio.run(run())


def _row(measurement: Measurement, values: Sequence[float], floors: Sequence[float]) -> Row:
    more_is_better = measurement.unit == RATE
    value = median(values)
    floor = ratio = None
    if measurement.floor is not None:
        floor = median(floors)
        ratio = median(each / its_floor for each, its_floor in zip(values, floors, strict=True))
    met = None
    if measurement.target is not None:
        figure = value if ratio is None else ratio
        met = figure >= measurement.target if more_is_better else figure <= measurement.target
    return Row(
        name=measurement.name,
        unit=measurement.unit,
        value=value,
        best=max(values) if more_is_better else min(values),
        floor=floor,
        ratio=ratio,
        target=measurement.target,
        met=met,
    )


def print_table(title: str, rows: Sequence[Row]) -> None:
    """Print figures with their units, ratios to the floors, and whether the targets are met."""
    print(f"{title}\n{'':<42}{'median':>14}{'best':>14}{'floor':>14}{'ratio':>8}{'target':>14}")
    for row in rows:
        target = ""
        if row.target is not None:
            target = _with_unit(row.target, row.unit) if row.ratio is None else f"{row.target:.3g}"
        print(
            f"{row.name:<42}{_with_unit(row.value, row.unit):>14}{_with_unit(row.best, row.unit):>14}"
            f"{'' if row.floor is None else _with_unit(row.floor, row.unit):>14}"
            f"{'' if row.ratio is None else f'{row.ratio:.3f}':>8}{target:>14}"
            f"{'' if row.met is None else '  met' if row.met else '  missed'}"
        )


def _with_unit(figure: float, unit: str) -> str:
    return f"{figure:,.0f}{unit}" if unit == RATE else f"{figure:,.2f} {unit}"
