"""What callers of structures see is linearizable while processes are killed and paused; the long version is
`python -m tests.chaos.coordination.faults`.
"""

from pathlib import Path
from random import Random

import pytest
from casty.testing.linearizability import Operation

from tests.callers import MODELS
from tests.chaos.bank import ROUNDS
from tests.chaos.coordination.faults import run
from tests.chaos.coordination.notes import FileNotes, read

SECONDS = 12.0 * ROUNDS
PACE = 0.3
LEAST = 0.1
"""Slower than the long version, as other tests run beside this one, and much else on a busy machine."""


@pytest.mark.timeout(300 * ROUNDS)
async def test_what_callers_see_is_linearizable(database: str, random: Random, tmp_path: Path) -> None:
    await run(database, tmp_path, MODELS, SECONDS, random, pace=PACE, least=LEAST)


async def test_the_notes_of_a_killed_process_have_what_it_was_waiting_for(tmp_path: Path) -> None:
    file = tmp_path / "counter-1.jsonl"

    async def seven() -> int:
        return 7

    with file.open("w") as text:
        notes = FileNotes(text)
        await notes.record("a", ("increment", 7), seven())
        notes.may_happen("a", ("get",))
        text.write('{"number": 2, "proc')
    done, pending = read([file])
    assert (done.call, done.result) == (("increment", 7), 7)
    assert done.invoked <= done.returned
    assert pending == Operation(process="a", call=("get",), invoked=pending.invoked)


def test_a_refused_operation_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "counter-1.jsonl"
    with file.open("w") as text:
        FileNotes(text).refused("no such permit")
    with pytest.raises(AssertionError, match="no such permit"):
        read([file])
