"""What every journal must do, as plain async functions that raise `AssertionError`.

A store's author runs them with three lines of pytest, each check on an empty store:

    @pytest.mark.parametrize("check", checks(CAPABILITIES))
    async def test_conformance(check: Check, tmp_path: Path) -> None:
        await check(lambda: open_store(tmp_path / "events.db"))

`checks` omits checks that the capabilities do not require. Checks of a durable store open it several times in a row,
those of a centralized one several times concurrently. So the function must open the same data each time, and the next
check must start with none. Some tests are left to the store's author: to kill a writing process, to cut a
connection, to fill a disk.
"""

from casty.testing.conformance.journal.catalog import checks as checks
from casty.testing.conformance.journal.registry import Check as Check
from casty.testing.conformance.journal.registry import OpenStore as OpenStore
