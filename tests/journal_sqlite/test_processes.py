"""Processes that are killed, that forget to close, that crash, and that start at the same time."""

import signal
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from casty_journal_sqlite.options import SqliteOptions
from casty_journal_sqlite.store import open_store

from tests.journal_sqlite.fakes import child

WRITE_FOR_EVER = """
from casty.persistence.writer import JournalWriter
async def main():
    async with open_store(path, SqliteOptions()) as store:
        writer = JournalWriter(store)
        def report(entity, number):
            def done(error):
                assert error is None, error
                print(entity, number, flush=True)
                submit(entity, number + 2)
            return done
        def submit(entity, number):
            writer.submit([event(entity, number), event(entity, number + 1)], report(entity, number))
        for entity in range(10):
            name = f"e{entity}"
            submit(name, await store.highest_sequence_nr(name) + 1)
        while True:
            await writer.drain()
asyncio.run(main())
"""


@pytest.mark.parametrize("seed", range(5))
async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "events.db"
    acknowledged: dict[str, int] = {}
    with child(WRITE_FOR_EVER, path) as process:
        assert process.stdout is not None
        lines = list(islice(process.stdout, Random(seed).randrange(50, 3000)))
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    for line in lines:
        if line.endswith("\n"):
            entity, number = line.split()
            acknowledged[entity] = int(number) + 1
    assert len(acknowledged) == 10, f"seed {seed}"
    async with open_store(str(path), SqliteOptions()) as store:
        for entity, highest in acknowledged.items():
            records = await store.replay(entity, 0, 10**6, 10**6)
            assert len(records) >= highest, f"seed {seed}: {entity}"
            assert len(records) % 2 == 0, f"seed {seed}: a group was torn"
            assert [record.sequence_nr for record in records] == list(range(1, len(records) + 1))


ABANDONED = """
import warnings
warnings.simplefilter("ignore", ResourceWarning)
asyncio.new_event_loop().run_until_complete(main(close=False))
"""

ENDINGS = {
    "closed": ("asyncio.run(main(close=True))", 0, ""),
    "forgotten": ("asyncio.run(main(close=False))", 0, ""),
    "forgotten lease": ("asyncio.run(main(close=False, lease=True))", 0, ""),
    "crashed": ("asyncio.run(main(close=False, crash=True))", 1, "RuntimeError: a user's bug"),
    "loop abandoned": (ABANDONED, 0, ""),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_process_ends_however_its_program_does(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "events.db"
    run, code, complaint = ENDINGS[ending]
    program = f"""
from casty_journal_sqlite import SqliteJournal
journal = SqliteJournal(path)
async def main(close, crash=False, lease=False):
    opened = await (journal.lease().__aenter__() if lease else journal.open())
    assert await opened.store.append([[event("a", 1)]]) == [None]
    if crash:
        raise RuntimeError("a user's bug")
    if close:
        await journal.aclose()
{run}
"""
    process = child(program, path)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == code, errors
    assert errors.strip().splitlines()[-1:] == ([complaint] if complaint else [])
    async with open_store(str(path), SqliteOptions()) as store:
        assert await store.highest_sequence_nr("a") == 1


def test_of_processes_that_make_the_same_file_at_the_same_time_one_gets_it(tmp_path: Path) -> None:
    program = """
from casty.errors import JournalError
async def main():
    try:
        async with open_store(path, SqliteOptions()) as store:
            print(await store.append([[event("a", 1)]]), flush=True)
            sys.stdin.read()
    except JournalError as error:
        print(error)
asyncio.run(main())
"""
    processes = [child(program, tmp_path / "events.db") for _ in range(4)]
    first_lines = sorted(process.stdout.readline() for process in processes if process.stdout is not None)
    results = [process.communicate(timeout=200) for process in processes]
    assert [errors for _, errors in results] == [""] * 4
    assert first_lines[0] == "[None]\n"
    assert ["is open in another process" in line for line in first_lines] == [False, True, True, True]
