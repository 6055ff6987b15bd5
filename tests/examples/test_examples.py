"""Each small example prints what it promises, and nothing to the error stream."""

from pathlib import Path

import pytest

from tests.examples.programs import EXAMPLES, run_example

OUTPUT = {
    "hello.py": """\
Welcome, Ada!
Welcome, Barbara!
""",
    "bank_account.py": """\
40.00 paid
40.00 refused
2.50 left
""",
    "shopping_cart.py": """\
The cart holds 0.00
apples for 3.00
pears for 4.50
there are no gold
Paid 7.50
the cart is closed
""",
    "supervision.py": """\
60 / 4 = 15, number 1 since the start
60 / 5 = 12, number 2 since the start
60 / six failed: ValueError
60 / 10 = 6, number 3 since the start
60 / 0 failed: ZeroDivisionError
60 / 12 = 5, number 1 since the start
""",
    "state_machine.py": """\
Deliver(): in the warehouse
Ship(carrier='the railway'): with the railway
Ship(carrier='a bicycle'): with a bicycle
""",
    "watch_children.py": """\
/hotel/inspector-of-attic: all is well
/hotel/inspector-of-cellar: the cellar is flooded
/hotel/inspector-of-kitchen: all is well
""",
    "event_sourcing.py": """\
Garden(litres=3, times=1)
Garden(litres=8, times=2)
Garden(litres=12, times=3)
Garden(litres=13, times=4)
""",
    "sessions.py": """\
ada is new
ada has a lamp
barbara is new
barbara has a chair
ada is back, with 1 articles
ada has a lamp, a table
""",
    "timers.py": """\
3 eggs are ready
2 eggs are ready
""",
    "config.py": """\
dropped: Tip(text='a record')
newsroom: ('a transfer', 'a foul')
""",
    "schema_evolution.py": """\
Emma, a book, fine 0.5, by unknown
Aida, a record, fine 0, by unknown
Momo, a book, fine 1.20, by unknown
Ilias, a book, fine 0, by Ada
'lib.Returned' was stored as version 4, here it is 3: a newer program wrote it; install that version of the program, \
or a newer one
""",
    "simulation.py": """\
20 banks lost power 5 times each, and no acknowledged booking
all runs differ
""",
}
LARGER = {
    *("ledger.py", "totals.py", "transactions.py", "projection.py"),
    *("cluster.py", "sensors.py", "jobs.py", "job_queue.py", "processes.py", "replicated_bank.py"),
}
"""Five programs, which have tests of their own, such as test_ledger.py."""


@pytest.mark.parametrize("name", OUTPUT)
def test_it_prints_what_it_promises(name: str, tmp_path: Path) -> None:
    finished = run_example(name, cwd=tmp_path)
    assert (finished.stdout, finished.stderr, finished.returncode) == (OUTPUT[name], "", 0)
    assert list(tmp_path.iterdir()) == []


def test_every_example_is_run() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == OUTPUT.keys() | LARGER
