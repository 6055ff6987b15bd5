"""Real processes that get SIGTERM: from the first moment on they leave in order."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("departing.py")
TERMINATED = 128 + signal.SIGTERM
PATIENCE = 30.0


@asynccontextmanager
async def running(how: str, until: str) -> AsyncGenerator[Process]:
    """The program, once it has printed that."""
    process = await asyncio.create_subprocess_exec(sys.executable, str(PROGRAM), how, stdout=PIPE, stderr=PIPE)
    try:
        await printed(process, until)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def printed(process: Process, text: str) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        while text.encode() not in (line := await process.stdout.readline()):
            assert line, f"it has ended without having printed {text!r}"


@pytest.mark.parametrize(
    ("how", "until"),
    [("waits for a quorum", "formed the cluster"), ("is up", "inside"), ("seeks", "inside")],
)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, TERMINATED), (signal.SIGINT, -signal.SIGINT)])
async def test_it_leaves_in_order_whatever_it_is_waiting_for(
    how: str, until: str, number: signal.Signals, code: int
) -> None:
    async with running(how, until) as process:
        process.send_signal(number)
        await printed(process, "this node has left the cluster")
        assert await asyncio.wait_for(process.wait(), PATIENCE) == code


async def test_a_second_sigterm_ends_it_at_once() -> None:
    async with running("hangs", "inside") as process:
        process.send_signal(signal.SIGTERM)
        await printed(process, "hanging")
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == -signal.SIGTERM
