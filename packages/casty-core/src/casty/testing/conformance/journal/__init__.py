"""What every journal must do, as plain async functions that raise `AssertionError`.

A store's author runs them with three lines of pytest, each check on a store that holds nothing yet:

    @pytest.mark.parametrize("check", checks(CAPABILITIES))
    async def test_conformance(check: Check, tmp_path: Path) -> None:
        await check(lambda: open_store(tmp_path / "events.db"))

`checks` leaves out what the store does not promise. Checks of a durable store open it several times in a row, and those
of a centralized one several times at once; so the function given must open the same data each time, and the next check
must find none of it. What only the store's own tests can do is left to them: to kill a process that writes, to cut a
connection, to fill a disk.
"""

from casty.testing.conformance.journal.catalog import checks as checks
from casty.testing.conformance.journal.registry import Check as Check
from casty.testing.conformance.journal.registry import OpenStore as OpenStore
