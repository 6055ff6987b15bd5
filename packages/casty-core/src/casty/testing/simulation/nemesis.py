"""Injects one fault after another, chosen by the seed."""

import asyncio
from collections.abc import Sequence
from typing import Final

from casty.testing.simulation.faults import Fault
from casty.testing.simulation.seeded import stream
from casty.testing.simulation.simulation import Simulation

LASTING: Final = (0.5, 15.0)
BETWEEN: Final = (0.0, 5.0)


async def nemesis(
    sim: Simulation,
    faults: Sequence[Fault],
    *,
    seconds: float = 60.0,
    lasting: tuple[float, float] = LASTING,
    between: tuple[float, float] = BETWEEN,
) -> None:
    """Inject faults for the given seconds, each for a duration within `lasting`, after a pause within `between`;
    then heal everything.

    For two faults at a time, gather two of these.
    """
    random = stream(sim.random.getrandbits(64), "nemesis")
    end = sim.time() + seconds
    while sim.time() < end:
        await asyncio.sleep(min(random.uniform(*between), end - sim.time()))
        # Log-uniform: short faults as often as long ones.
        lasts = lasting[0] * (lasting[1] / lasting[0]) ** random.random()
        await random.choice(faults)(sim, random, min(lasts, max(end - sim.time(), 0.0)))
    sim.fault("everything heals")
    sim.heal()
