"""Frames of 100 bytes between two processes: Casty's TCP transport compared with a raw length-prefixed protocol."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from statistics import quantiles
from typing import Final

from table import Measurement, Run, run_program
from wires import ANSWERED, COUNTED, Wire, raw, tcp

BODY: Final = bytes(99)
BURST: Final = 1_000
"""Number of frames sent before other tasks run."""

type Opening = Callable[[], AbstractAsyncContextManager[Wire]]


async def one_way(opening: Opening, frames: int) -> float:
    """Frames per second, until the last one has been returned."""
    async with opening() as wire:
        await answers(wire, 1)
        start = time.perf_counter()
        for number in range(frames):
            while not wire.send(COUNTED + BODY):  # noqa: ASYNC110 (there is no event for room in the queue)
                await asyncio.sleep(0)
            if number % BURST == 0:
                await asyncio.sleep(0)
        await answers(wire, 1)
        return frames / (time.perf_counter() - start)


async def at_a_time(opening: Opening, asked: int, together: int) -> float:
    """Replies per second with `at_a_time` requests in flight."""
    async with opening() as wire:
        await answers(wire, 1)
        start = time.perf_counter()
        await answers(wire, asked, together)
        return asked / (time.perf_counter() - start)


async def latency(opening: Opening, asked: int, percentile: int) -> float:
    """Microseconds from a request to its reply, one after the other."""
    async with opening() as wire:
        await answers(wire, asked // 10 + 1)
        took: list[float] = []
        for _ in range(max(asked, 2)):
            start = time.perf_counter()
            await answers(wire, 1)
            took.append(time.perf_counter() - start)
        return quantiles(took, n=100)[percentile - 1] * 1e6


async def answers(wire: Wire, wanted: int, together: int = 1) -> None:
    """Send requests, `at_a_time` in flight, until all are answered."""
    done = asyncio.get_running_loop().create_future()
    sent, received = 0, 0

    def ask() -> None:
        nonlocal sent
        while sent < wanted and sent - received < together and wire.send(ANSWERED + BODY):
            sent += 1

    def take(frame: bytes) -> None:
        nonlocal received
        received += 1
        if received == wanted:
            done.set_result(None)
        ask()

    wire.on_frame = take
    while not sent:
        ask()
        await asyncio.sleep(0)
    await done


def measurements_at(scale: float) -> Sequence[Measurement]:
    def of(name: str, run: Callable[[Opening], Run], unit: str, target: float) -> Measurement:
        return Measurement(name=name, run=run(tcp), floor=run(raw), unit=unit, target=target)

    frames, asked = max(int(300_000 * scale), 10), max(int(10_000 * scale), 10)
    return [
        of("one way", lambda opening: partial(one_way, opening, frames), "/s", 0.6),
        of("request and reply (p50)", lambda opening: partial(latency, opening, asked, 50), "us", 1.2),
        of("request and reply (p99)", lambda opening: partial(latency, opening, asked, 99), "us", 1.5),
        of("100 at a time", lambda opening: partial(at_a_time, opening, 10 * asked, 100), "/s", 0.6),
    ]


if __name__ == "__main__":
    run_program("Frames between two processes, beside a raw protocol", measurements_at)
