"""An actor that counts, with a durable state; as a program, it counts on a journal until it is killed.

python -m tests.core.persistence.counter URL OPTIONS WHEN, where OPTIONS is JSON, and WHEN the process kills itself:
"before" or "after" its tenth deletion, or "never".
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from subprocess import PIPE, Popen
from typing import Any, cast

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors, CastyConfig
from casty.config import JournalConfig
from casty.persistence import durable_state
from casty.spi.journal import DeletingStore

KEPT = 3
"""Few, so that it deletes all the time."""


@dataclass(frozen=True, slots=True)
class Count:
    """Add one, and answer how many that makes."""

    reply_to: ActorRef[int]


@dataclass(frozen=True, slots=True)
class Look:
    """Answer how many it is."""

    reply_to: ActorRef[int]


async def on_command(ctx: ActorContext[Count | Look], count: int, command: Count | Look) -> Behavior[Any]:
    match command:
        case Count(reply_to):
            reply_to.tell(count + 1)
            return Behaviors.updated(count + 1)
        case Look(reply_to):
            reply_to.tell(count)
            return Behaviors.same()


def counter() -> Behavior[Count | Look]:
    return Behaviors.durable_state(entity_id="counter", initial_state=0, on_command=on_command)


@asynccontextmanager
async def counting(url: str, options: Mapping[str, object]) -> AsyncGenerator[tuple[ActorSystem, ActorRef[Any]]]:
    """A system on that journal, and a counter in it."""
    async with ActorSystem(config=CastyConfig(journal=JournalConfig(url=url, options=options))) as system:
        yield system, system.spawn(counter())


def started(url: str, options: Mapping[str, object], when: str) -> Popen[str]:
    """The program in a process of its own, which says each number once that is acknowledged."""
    command = [sys.executable, "-W", "error", "-m", __name__, url, json.dumps(options), when]
    return Popen(command, stdout=PIPE, stderr=PIPE, text=True)


def acknowledged(process: Popen[str], enough: int) -> int:
    """The last number that the process has said, which is killed if it says more than `enough`."""
    assert process.stdout is not None
    last = 0
    with process:
        for line in process.stdout:
            if line.endswith("\n"):
                last = int(line)
            if last == enough:
                process.send_signal(signal.SIGKILL)
        assert process.stderr is not None
        errors = process.stderr.read()
    assert process.returncode == -signal.SIGKILL, errors
    return last


async def die_at_deletion(system: ActorSystem, *, after: bool) -> None:
    (journal,) = system.kernel.journals._by_url.values()
    store: Any = (await journal.open()).store
    delete_events = cast(DeletingStore, store).delete_events
    deletions = 0

    async def fatal(entity_id: str, to_sequence_nr: int) -> None:
        nonlocal deletions
        deletions += 1
        if deletions == 10 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        await delete_events(entity_id, to_sequence_nr)
        if deletions == 10:
            os.kill(os.getpid(), signal.SIGKILL)

    type(store).delete_events = staticmethod(fatal)


async def main(url: str, options: str, when: str) -> None:
    durable_state.KEPT = KEPT  # pyright: ignore[reportConstantRedefinition]
    async with counting(url, json.loads(options)) as (system, ref):
        await system.ask(ref, Look)
        if when != "never":
            await die_at_deletion(system, after=when == "after")
        while True:
            print(await system.ask(ref, Count), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
