"""Connections that mean harm, by the hundred thousand, to a node with a cookie and TLS that others go on asking.

python -m tests.chaos.cluster.hostile --connections 200000
"""

import argparse
import asyncio
import socket
import ssl
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from trustme import CA

from tests.chaos.bank import SEED
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.cluster.direct import DirectNetwork
from tests.chaos.cluster.network import HOST
from tests.chaos.cluster.test_tls import settings
from tests.transport_tcp.certificates import written

AT_ONCE: Final = 100
SOURCES: Final = 200
"""Loopback addresses that the connections come from, so that none runs out of ports."""
MOST_MEMORY: Final = 160 << 20
"""Bytes of the attacked process, over what it had before."""
GIVEN_BACK: Final = 48 << 20
"""What it may keep afterwards, on top of what it had before."""
MOST_LOG: Final = 64 << 10
"""Bytes of log that strangers may cause, and as much for each minute that they go on."""
SETTLED: Final = 8.0
"""Seconds after which what a stranger has opened is closed."""
HASTE: Final = 0.25
LINGERS: Final = 10.0
"""Seconds for which a stranger waits for a reply, usually and at worst: longer than the node waits for it."""
LINGERING: Final = 0.01
"""The chance of the latter."""
RESET: Final = struct.pack("ii", 1, 0)
"""Of SO_LINGER: a closed connection leaves no port behind that has to wait."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the connections did to the node."""

    failures: list[str]
    asked: int
    before: int
    most: int
    after: int
    logged: int
    seconds: float

    def faults(self) -> list[str]:
        """What is not as it should be."""
        allowed = MOST_LOG * (1 + self.seconds / 60)
        found = self.failures[:10]
        if self.most - self.before > MOST_MEMORY:
            found.append(f"{(self.most - self.before) >> 20} MiB of memory were taken")
        if self.after - self.before > GIVEN_BACK:
            found.append(f"{(self.after - self.before) >> 20} MiB of memory were not given back")
        if self.logged > allowed:
            found.append(f"{self.logged} bytes were logged; {allowed:.0f} are allowed")
        return found if self.asked else [*found, "no honest ask was made"]


async def attack(connections: int, folder: Path) -> Outcome:
    """That many hostile connections to one of two nodes, while the other asks it."""
    own = settings(written(folder / "own", authority=CA()))
    async with Cluster.of(2, folder, network=DirectNetwork, **own) as cluster:
        target, asker = cluster["n1"], cluster["n2"]
        port, before, log = cluster.network.port("n1"), _resident(target.pid), target.log.stat().st_size
        await asker.do("keep_asking", path="/echo", node="n1", pause=0.01)
        begun, left, random = time.monotonic(), iter(range(connections)), Random(SEED)
        most = await _while_measured(
            lambda: _resident(target.pid),
            asyncio.gather(*(_strangers(left, port, Random(random.random())) for _ in range(AT_ONCE))),
        )
        seconds = time.monotonic() - begun
        await asyncio.sleep(SETTLED)
        went = await asker.do("how_asks_went")
        assert await asker.do("ask", path="/single") == "n1"
        logged = target.log.stat().st_size - log
        failures = [f"an ask failed: {failure}" for *_, failure in went if failure]
        return Outcome(failures, len(went), before, most, _resident(target.pid), logged, seconds)


async def _while_measured(measure: Callable[[], int], work: asyncio.Future[list[None]]) -> int:
    """The most that there was while the work went on."""
    most = measure()
    while not work.done():
        await asyncio.wait([work], timeout=0.5)
        most = max(most, measure())
    work.result()
    return most


async def _strangers(left: Iterator[int], port: int, random: Random) -> None:
    for _ in left:
        with suppress(OSError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(LINGERS if random.random() < LINGERING else HASTE):
                await random.choice(ATTACKS)(port, random)


async def _connected(port: int, random: Random) -> socket.socket:
    connecting = socket.socket()
    connecting.setblocking(False)
    connecting.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    try:
        connecting.bind((f"127.0.1.{random.randint(1, SOURCES)}", 0))
        await asyncio.get_running_loop().sock_connect(connecting, (HOST, port))
    except BaseException:
        connecting.close()
        raise
    return connecting


async def _nonsense(port: int, random: Random) -> None:
    """Bytes that are no TLS."""
    with await _connected(port, random) as connected:
        await asyncio.get_running_loop().sock_sendall(connected, random.randbytes(random.randint(0, 4_000)))
        if random.random() < 0.5:
            await asyncio.get_running_loop().sock_recv(connected, 100)


async def _hello(port: int, random: Random) -> None:
    """The beginning of a TLS handshake, and then silence, or nonsense."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        _careless_context().wrap_bio(incoming, outgoing).do_handshake()
    hello = outgoing.read()
    with await _connected(port, random) as connected:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(connected, hello[: random.choice((len(hello), random.randrange(len(hello))))])
        if random.random() < 0.5:
            await loop.sock_sendall(connected, random.randbytes(random.randint(1, 2_000)))


@cache
def _careless_context() -> ssl.SSLContext:
    """One for all: loading the authorities of the machine takes longer than a connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _gone(port: int, random: Random) -> None:
    """Gone as soon as it is there."""
    (await _connected(port, random)).close()


ATTACKS: Final = (_nonsense, _nonsense, _hello, _gone)


def _resident(pid: int) -> int:
    """Bytes."""
    status = Path(f"/proc/{pid}/statm").read_text().split()
    return int(status[1]) * 4096


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=200_000)
    given = parser.parse_args()
    print(f"CASTY_CHAOS_SEED={SEED}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        outcome = await attack(given.connections, Path(folder))
    print(
        f"{given.connections} connections in {outcome.seconds:.0f} s, {outcome.asked} honest asks, "
        f"{len(outcome.failures)} failed; memory {outcome.before >> 20} MiB before, {outcome.most >> 20} at most, "
        f"{outcome.after >> 20} afterwards; {outcome.logged} bytes of log"
    )
    faults = outcome.faults()
    print("\n".join(faults) or "all is well")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
