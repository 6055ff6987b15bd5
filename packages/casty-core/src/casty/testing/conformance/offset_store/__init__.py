"""What every offset store must do, as plain async functions that raise `AssertionError`.

A store's author runs them with three lines of pytest, each check on an empty store:

    @pytest.mark.parametrize("check", checks(Capabilities(transactional=False)))
    async def test_conformance(check: Check, tmp_path: Path) -> None:
        await check(Subject(lambda: FileOffsets(tmp_path / "offsets").open()))

The function must open the same offsets each time, also several times concurrently, and the next check must start with
none. The subject of a transactional store also has functions to write a row through the store's connection, and to
list the committed rows. Some tests are left to the store's author: to kill a process between a row and the
commit, to cut a connection.
"""

from casty.testing.conformance.offset_store.catalog import checks as checks
from casty.testing.conformance.offset_store.registry import Capabilities as Capabilities
from casty.testing.conformance.offset_store.registry import Check as Check
from casty.testing.conformance.offset_store.registry import Subject as Subject
