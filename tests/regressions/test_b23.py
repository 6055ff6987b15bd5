"""B23, locally: supervision, mailbox and journal of casty.toml are applied to roots and to children."""

from pathlib import Path

from casty import ActorRestarted, ActorSystem, DeadLetter, load_config
from casty.testing import TestProbe, settle

from tests.core.persistence.ledger import Add, ledger
from tests.core.runtime.probe import Events, Family, does, fails

FILE = """
[defaults.supervision]
strategy = "restart"
max_restarts = 1

[actors."(child|small).*"]
mailbox = { capacity = 1 }

[actors.ledger]
journal = "memory://"
"""


async def test_b23_the_file_is_applied_to_roots_and_children(tmp_path: Path) -> None:
    path = tmp_path / "casty.toml"
    path.write_text(FILE)
    async with ActorSystem(config=load_config(path)) as system:
        letters, restarted = Events(system, DeadLetter), Events(system, ActorRestarted)
        family = await Family(system, does(fails)).started()
        small = system.spawn(does(fails), "small")
        for ref in (small, family.children[0]):
            ref.tell("fail")
            ref.tell("dropped")
            await settle()
            ref.tell("fail again")
            await settle()
        assert [event.ref for event in restarted.seen] == [small, family.children[0]]
        assert [letter.message for letter in letters.seen] == ["dropped", "dropped"]
        assert system.lookup("/small") is system.lookup("/parent/child-0") is None


async def test_b23_a_configured_journal_is_used(tmp_path: Path) -> None:
    path = tmp_path / "casty.toml"
    path.write_text(FILE)
    async with ActorSystem(config=load_config(path)) as system:
        probe = TestProbe[str](system)
        for text in "ab":
            ref = system.spawn(ledger(None), "ledger" if text == "a" else None)
            ref.tell(Add(text, probe.ref))
        assert sorted(await probe.receive_n(2)) == ["a", "b"]
