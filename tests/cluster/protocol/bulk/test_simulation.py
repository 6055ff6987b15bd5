"""Bulk transfers on a random network: each is delivered once and as a whole, or not at all, and nothing is left."""

from dataclasses import is_dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import pytest
from casty_cluster.protocol.bulk import receiving, sending
from casty_cluster.protocol.bulk.receiving import Receiving
from casty_cluster.protocol.bulk.sending import Sending

from tests.cluster.protocol.bulk.world import World

SEEDS: Final = 40
MODULES: Final = {"sending": sending, "receiving": receiving}


class Clause(NamedTuple):
    """What a machine relies on: a text of its module, and what stands there without it."""

    module: str
    text: str
    without: str


CLAUSES: Final = {
    "offers are repeated": Clause(
        "sending",
        "return self.repeat(now) if self.due is not None and self.due <= now else ()",
        "return ()",
    ),
    "lost chunks are sent again": Clause(
        "sending",
        "self._sent = self._limit = reply.received",
        "self._limit = reply.received",
    ),
    "cancellations are confirmed": Clause(
        "sending",
        "self._queue[0] = None\n        return self.repeat(now)",
        "self._queue.popleft()\n        return self._start(now)",
    ),
    "chunks stay within the limit": Clause(
        "sending",
        "<= self._limit and self._sent < stop",
        "<= len(data) and self._sent < stop",
    ),
    "replies count for their own transfer": Clause(
        "sending",
        "or reply.transfer != self._number",
        "",
    ),
    "transfers to one member take turns": Clause(
        "sending",
        "return self._start(now) if len(self._queue) == 1 else ()",
        "return self._start(now)",
    ),
    "a removal ends transfers to the member": Clause(
        "sending",
        "for line in removed for",
        "for line in removed[:0] for",
    ),
    "only the next chunk is taken": Clause(
        "receiving",
        "chunk.start != arriving.received or stop",
        "stop",
    ),
    "checksums are compared": Clause(
        "receiving",
        "if checksum != chunk.checksum:",
        "if False:",
    ),
    "outcomes are remembered": Clause(
        "receiving",
        "        self._ended[arriving.sender] = ended\n",
        "",
    ),
    "room is limited": Clause(
        "receiving",
        "if arriving.size > self._free:",
        "if False:",
    ),
    "room is given back": Clause(
        "receiving",
        "self._free += arriving.size",
        "pass",
    ),
    "a waiting transfer gets room later": Clause(
        "receiving",
        "return (SendBulk(arriving.sender, ended), *self._make_room())",
        "return (SendBulk(arriving.sender, ended),)",
    ),
    "a removal ends transfers from the member": Clause(
        "receiving",
        "            self._discard(self._arriving[sender])\n",
        "            pass\n",
    ),
}


def play(seed: int, clause: Clause | None = None) -> int:
    """Run worlds without that clause. Returns how many transfers have come to an end."""
    machines: dict[str, Any] = {"sending": Sending, "receiving": Receiving}
    if clause is not None:
        machines[clause.module] = vars(mutant(clause))[clause.module.capitalize()]
    worlds = [World(seed, **machines, is_hostile=hostile) for hostile in (False, True)]
    for world in worlds:
        world.run()
    return sum(len(world.finished) for world in worlds)


@cache
def mutant(clause: Clause) -> ModuleType:
    """The module without the clause. Its inputs and effects are those of the module itself."""
    module = MODULES[clause.module]
    assert module.__file__ is not None
    source = Path(module.__file__).read_text("utf-8")
    assert source.count(clause.text) == 1, f"{clause.text!r} is there {source.count(clause.text)} times"
    made = ModuleType(module.__name__)
    exec(compile(source.replace(clause.text, clause.without), module.__file__, "exec"), made.__dict__)
    made.__dict__.update({name: value for name, value in vars(module).items() if is_dataclass(value)})
    return made


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_transfer_is_delivered_once_and_as_a_whole_or_not_at_all(seed: int) -> None:
    assert play(seed) > 0


@pytest.mark.parametrize("clause", CLAUSES.values(), ids=CLAUSES)
def test_no_clause_can_be_left_out(clause: Clause) -> None:
    with pytest.raises(AssertionError):
        sum(play(seed, clause) for seed in range(SEEDS))
