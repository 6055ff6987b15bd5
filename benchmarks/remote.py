"""Messages of five fields between actors of two processes, compared with a raw protocol that uses the
same serializer and has no actors.
"""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from statistics import quantiles
from typing import Final

from casty import ActorAddress, ActorRef
from casty.cluster import ClusteredActorSystem
from casty.ref import DetachedRef
from casty.serialization import MsgpackSerializer
from remote_node import Counted, Order, Question, an_order
from table import Measurement, Run, run_program
from wires import RawWire

BURST: Final = 256
"""Number of messages sent before other tasks run."""
IN_FLIGHT: Final = 20_000
"""Number of tells in flight: below the limit of a peer's queue."""


@asynccontextmanager
async def other_process(role: str, *arguments: object) -> AsyncGenerator[tuple[str, int]]:
    """The other process, and its address."""
    pipe = asyncio.subprocess.PIPE
    program = __file__.replace("remote.py", "remote_node.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, program, role, *map(str, arguments), stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield "127.0.0.1", int(await process.stdout.readline())
    finally:
        process.stdin.close()
        await process.wait()


@asynccontextmanager
async def far_actor() -> AsyncGenerator[tuple[ClusteredActorSystem, ActorRef[Order | Question | Counted]]]:
    """An actor on the other node."""
    async with (
        other_process("node") as address,
        ClusteredActorSystem(
            name="remote", host="127.0.0.1", port=0, required_quorum=2, seed_nodes=[address]
        ) as system,
    ):
        far = next(member for member in system.members if member.address == address)
        ref = system.lookup("/counter", node=far.node)
        assert ref is not None
        yield system, ref


async def tells(count: int) -> float:
    """Tells per second, until the other side has counted them all."""
    async with far_actor() as (system, ref):
        await system.ask(ref, Counted)
        message = an_order(ref)
        start = time.perf_counter()
        for number in range(1, count + 1):
            ref.tell(message)
            if number % IN_FLIGHT == 0:
                while number - await system.ask(ref, Counted) > IN_FLIGHT // 2:
                    pass
            elif number % BURST == 0:
                await asyncio.sleep(0)
        counted = await system.ask(ref, Counted, timeout=60.0)
        seconds = time.perf_counter() - start
        assert counted == count, f"{count - counted} tells were lost"
        return count / seconds


async def asks(count: int, together: int) -> float:
    """Asks per second, with `at_a_time` in flight."""
    async with far_actor() as (system, ref):

        async def asker() -> None:
            for _ in range(count // together):
                await system.ask(ref, partial(Question, 1))

        await system.ask(ref, Counted)
        start = time.perf_counter()
        await asyncio.gather(*(asker() for _ in range(together)))
        return count // together * together / (time.perf_counter() - start)


async def latency(count: int, percentile: int) -> float:
    """Microseconds of an ask, one after the other."""
    async with far_actor() as (system, ref):

        async def ask() -> None:
            await system.ask(ref, partial(Question, 1))

        return await _percentile(ask, count, percentile)


HERE: Final[ActorRef[int]] = DetachedRef(
    ActorAddress(system="remote", path="/_ask", host="127.0.0.1", port=25520, node_id="127.0.0.1:25520", uid=1 << 60)
)
"""A reference as in asks, so that the floor writes and reads the same messages."""


class RawPeer:
    """The floor: writes and reads messages, nothing else."""

    def __init__(self, wire: RawWire) -> None:
        self._wire = wire
        self._serializer = MsgpackSerializer()
        self._answers: list[asyncio.Future[object]] = []
        wire.on_frame = self._take

    async def ask(self, message: object) -> object:
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._answers.append(answer)
        self.tell(message)
        return await answer

    def tell(self, message: object) -> bool:
        return self._wire.send(self._serializer.dumps(message))

    def _take(self, frame: bytes) -> None:
        # All replies are alike, so the order in which they are taken does not matter.
        self._answers.pop().set_result(self._serializer.loads(frame))


@asynccontextmanager
async def raw_peer() -> AsyncGenerator[RawPeer]:
    async with other_process("raw") as address:
        _, wire = await asyncio.get_running_loop().create_connection(RawWire, *address)
        yield RawPeer(wire)
        wire.close()


async def raw_tells(count: int) -> float:
    async with raw_peer() as peer:
        message = an_order(HERE)
        start = time.perf_counter()
        for number in range(1, count + 1):
            while not peer.tell(message):  # noqa: ASYNC110 - a full socket has no event to wait for
                await asyncio.sleep(0)
            if number % BURST == 0:
                await asyncio.sleep(0)
        while await peer.ask(Counted(None)) != count:
            pass
        return count / (time.perf_counter() - start)


async def raw_asks(count: int, together: int) -> float:
    async with raw_peer() as peer:

        async def asker() -> None:
            for _ in range(count // together):
                await peer.ask(Question(1, HERE))

        start = time.perf_counter()
        await asyncio.gather(*(asker() for _ in range(together)))
        return count // together * together / (time.perf_counter() - start)


async def raw_latency(count: int, percentile: int) -> float:
    async with raw_peer() as peer:
        return await _percentile(partial(peer.ask, Question(1, HERE)), count, percentile)


async def _percentile(ask: Callable[[], object], count: int, percentile: int) -> float:
    took: list[float] = []
    for _ in range(max(count, 2)):
        start = time.perf_counter()
        await ask()  # pyright: ignore[reportGeneralTypeIssues]
        took.append(time.perf_counter() - start)
    return quantiles(took, n=100)[percentile - 1] * 1e6


def measurements_at(scale: float) -> Sequence[Measurement]:
    told, asked = max(int(200_000 * scale), 10), max(int(5_000 * scale), 100)

    def of(name: str, run: Run, floor: Run, unit: str, target: float | None) -> Measurement:
        return Measurement(name=name, run=run, floor=floor, unit=unit, target=target)

    return [
        of("remote tell", partial(tells, told), partial(raw_tells, told), "/s", 0.60),
        of("remote ask (p50)", partial(latency, asked, 50), partial(raw_latency, asked, 50), "us", 1.4),
        of("remote ask (p99)", partial(latency, asked, 99), partial(raw_latency, asked, 99), "us", None),
        of("remote ask, 100 at a time", partial(asks, 10 * asked, 100), partial(raw_asks, 10 * asked, 100), "/s", 0.60),
    ]


if __name__ == "__main__":
    run_program("Actors of two processes, beside a raw protocol with the same serializer", measurements_at)
