"""The other processes of benchmarks whose nodes have one each."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def other_process(program: str, *arguments: object) -> AsyncGenerator[None]:
    """A program of this folder, from when it has printed a line. It ends with its standard input."""
    path, pipe = str(Path(__file__).with_name(program)), asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, path, *map(str, arguments), stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await process.stdout.readline()  # it has joined
        yield
    finally:
        process.stdin.close()
        await process.wait()
