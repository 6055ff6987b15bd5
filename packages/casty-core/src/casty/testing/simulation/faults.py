"""Faults of a cluster: each is an async function that breaks something, waits, and repairs it.

Write your own in the same way: `async def flood(sim, random, seconds)`, and pass it to `nemesis`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from random import Random
from typing import Any, Final

from casty.testing.simulation.hosts import Host
from casty.testing.simulation.network import Cut
from casty.testing.simulation.simulation import Simulation

type Fault = Callable[[Simulation, Random, float], Coroutine[Any, Any, object]]
"""Lasts for the given seconds; afterwards everything is as before, except for the consequences of the fault."""

FLAPPING: Final = (2.0, 14.0)
"""Seconds for which a flapping way stays open, or closed."""
SILENT: Final = 0.5
"""Probability that a crash is silent."""


async def halves(sim: Simulation, random: Random, seconds: float) -> None:
    """Partition the hosts into two sides; the first is at least as large as the second."""
    names = shuffled(sim, random)
    await _cut(sim, [(names[: (len(names) + 1) // 2], names[(len(names) + 1) // 2 :])], seconds)


async def random_node(sim: Simulation, random: Random, seconds: float) -> None:
    """Isolate one host from all others."""
    name, *others = shuffled(sim, random)
    await _cut(sim, [([name], others)], seconds)


async def bridge(sim: Simulation, random: Random, seconds: float) -> None:
    """Partition the hosts into two sides, with one host that reaches both."""
    _, *others = shuffled(sim, random)
    half = len(others) // 2
    await _cut(sim, [(others[:half], others[half:])], seconds)


async def majorities_ring(sim: Simulation, random: Random, seconds: float) -> None:
    """Let every host reach a majority, itself included, but no two hosts the same one; needs four hosts or more."""
    names = shuffled(sim, random)
    size, each_side = len(names), (len(names) // 2 + 1) // 2
    near = {frozenset((names[n], names[(n + step) % size])) for n in range(size) for step in range(each_side + 1)}
    far = [([a], [b]) for a in names for b in names if a < b and frozenset((a, b)) not in near]
    await _cut(sim, far, seconds)


async def one_way(sim: Simulation, random: Random, seconds: float) -> None:
    """Cut one host off in one direction: it receives and cannot send, or the reverse."""
    name, *others = shuffled(sim, random)
    sides = ([name], others) if random.random() < 0.5 else (others, [name])
    await _cut(sim, [sides], seconds, one_way=True)


async def resets(sim: Simulation, random: Random, seconds: float) -> None:
    """Partition the hosts into two sides, and reset all connections between them immediately."""
    names = shuffled(sim, random)
    await _cut(sim, [(names[: len(names) // 2], names[len(names) // 2 :])], seconds, reset=True)


async def swizzle_clog(sim: Simulation, random: Random, seconds: float) -> None:
    """Cut off one host after the other, and reconnect them in another order."""
    names = shuffled(sim, random)[: random.randint(1, len(sim.hosts))]
    cuts: list[Cut] = []
    pause = seconds / (2 * len(names))
    for name in names:
        others = [host.name for host in sim.hosts if host.name != name]
        sim.fault(f"swizzle_clog: {name} is cut off")
        cuts.append(sim.network.partition([name], others))
        await asyncio.sleep(pause)
    random.shuffle(cuts)
    for cut in cuts:
        cut.heal()
        await asyncio.sleep(pause)
    sim.fault("swizzle_clog: over")


async def flapping(sim: Simulation, random: Random, seconds: float) -> None:
    """Open and close the way between two hosts repeatedly."""
    names = shuffled(sim, random)
    end = sim.time() + seconds
    while sim.time() < end:
        await _cut(sim, [(names[:1], names[1:2])], min(random.uniform(*FLAPPING), end - sim.time()))
        await asyncio.sleep(max(0.0, min(random.uniform(*FLAPPING), end - sim.time())))


async def kill(sim: Simulation, random: Random, seconds: float) -> None:
    """Crash a host and restart it."""
    await _kill(sim, random, seconds, wipe=False)


async def kill_and_wipe(sim: Simulation, random: Random, seconds: float) -> None:
    """Crash a host and restart it with an empty disk."""
    await _kill(sim, random, seconds, wipe=True)


async def pause(sim: Simulation, random: Random, seconds: float) -> None:
    """Pause a host for a while, without its knowledge."""
    host = random.choice(sim.hosts)
    sim.fault(f"pause: {host.name} for {seconds:.3f} s")
    host.pause()
    await asyncio.sleep(seconds)
    host.resume()


async def slow_disk(sim: Simulation, random: Random, seconds: float) -> None:
    """Make the disk of one host a hundred times slower."""
    host = random.choice(sim.hosts)
    usual = host.disk.usual
    sim.fault(f"slow_disk: {host.name}")
    host.disk.faults = replace(usual, delay=usual.delay * 100, jitter=usual.jitter * 100)
    await asyncio.sleep(seconds)
    host.disk.mend()


async def failing_disk(sim: Simulation, random: Random, seconds: float) -> None:
    """Make the disk of one host refuse some writes, and leave the outcome of others unknown."""
    host = random.choice(sim.hosts)
    sim.fault(f"failing_disk: {host.name}")
    host.disk.faults = replace(host.disk.usual, refused=0.2, doubtful=0.2)
    await asyncio.sleep(seconds)
    host.disk.mend()


async def broken_disk(sim: Simulation, random: Random, seconds: float) -> None:
    """Make every access to the disk of one host fail."""
    host = random.choice(sim.hosts)
    sim.fault(f"broken_disk: {host.name}")
    host.disk.faults = replace(host.disk.usual, broken=True)
    await asyncio.sleep(seconds)
    host.disk.mend()


def shuffled(sim: Simulation, random: Random) -> list[str]:
    """The names of all hosts, in random order."""
    names = [host.name for host in sim.hosts]
    random.shuffle(names)
    return names


async def _cut(
    sim: Simulation,
    sides: Iterable[tuple[Iterable[str], Iterable[str]]],
    seconds: float,
    *,
    one_way: bool = False,
    reset: bool = False,
) -> None:
    pairs = [(sorted(side), sorted(other)) for side, other in sides]
    arrow = "->|" if one_way else "|"
    shown = ", ".join(f"{{{','.join(side)}}}{arrow}{{{','.join(other)}}}" for side, other in pairs)
    sim.fault(f"cut for {seconds:.3f} s{' with resets' if reset else ''}: {shown}")
    cuts = [sim.network.partition(side, other, one_way=one_way, reset=reset) for side, other in pairs]
    await asyncio.sleep(seconds)
    for cut in cuts:
        cut.heal()


async def _kill(sim: Simulation, random: Random, seconds: float, *, wipe: bool) -> None:
    started: list[Host] = [host for host in sim.hosts if host.is_up and host.was_started]
    if not started:
        return
    host, silent = random.choice(started), random.random() < SILENT
    sim.fault(f"{'kill_and_wipe' if wipe else 'kill'}: {host.name} for {seconds:.3f} s{', silently' if silent else ''}")
    host.crash(silent=silent)
    await asyncio.sleep(seconds)
    if not host.is_up:
        host.restart(wipe=wipe)


NETWORK: Final[tuple[Fault, ...]] = (
    halves,
    random_node,
    bridge,
    majorities_ring,
    one_way,
    resets,
    swizzle_clog,
    flapping,
)
DISKS: Final[tuple[Fault, ...]] = (slow_disk, failing_disk, broken_disk)
ALL: Final[tuple[Fault, ...]] = (*NETWORK, *DISKS, kill, pause)
"""All except `kill_and_wipe`, which loses data that only one host has."""
