"""Which checks there are, and that a store gets those that fit its promises and no others."""

import subprocess
import sys
from pathlib import Path

import pytest
from casty.journals import memory
from casty.spi.journal import JournalCapabilities, JournalKind
from casty.testing.conformance.journal import catalog, checks
from casty_journal_sqlite import options as sqlite

GUIDE = Path(__file__).parents[2] / "docs" / "plugins.md"
LEAST = JournalCapabilities(durable=False)
MOST = JournalCapabilities(
    durable=True,
    kind=JournalKind.centralized,
    fencing=True,
    ordered=True,
    deleting=True,
    read_only=True,
    concurrent_appends=2,
)


@pytest.mark.parametrize(
    ("capabilities", "number"), [(LEAST, 64), (memory.CAPABILITIES, 115), (sqlite.CAPABILITIES, 132), (MOST, 136)]
)
def test_a_store_gets_so_many_checks(capabilities: JournalCapabilities, number: int) -> None:
    assert len(checks(capabilities)) == number


def test_names_say_which_check_it_is() -> None:
    names = [check.__name__ for check in checks(MOST)]
    assert len(set(names)) == len(names)


def test_what_is_promised_adds_checks_and_takes_none_away() -> None:
    least, memory_, sqlite_, most = (
        {check.__name__ for check in checks(capabilities)}
        for capabilities in (LEAST, memory.CAPABILITIES, sqlite.CAPABILITIES, MOST)
    )
    assert least < memory_ < sqlite_ < most


def test_the_kit_needs_no_pytest() -> None:
    program = "import sys, casty.testing.conformance.journal; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_guide_lists_the_rooms_and_their_checks() -> None:
    guide = GUIDE.read_text()
    rooms = [room.__name__.rpartition(".")[2] for room in catalog.ROOMS]
    assert [room for room in rooms if f"`{room}`" not in guide] == []
    assert f"{len(checks(LEAST))} checks for the simplest store and {len(checks(MOST))} for one with" in guide
