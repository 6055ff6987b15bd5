"""What every offset store must do, as plain async functions that raise `AssertionError`.

A store's author runs them with three lines of pytest, each check on a store that holds nothing yet:

    @pytest.mark.parametrize("check", checks(Capabilities(transactional=False)))
    async def test_conformance(check: Check, tmp_path: Path) -> None:
        await check(Subject(lambda: FileOffsets(tmp_path / "offsets").open()))

The function given must open the same offsets each time, also several times at once, and the next check must find none
of them. The subject of a transactional store also says how a row is written through the store's connection, and which
rows are committed. What only the store's own tests can do is left to them: to kill a process between a row and the
commit, to cut a connection.
"""

from casty.testing.conformance.offset_store.catalog import checks as checks
from casty.testing.conformance.offset_store.registry import Capabilities as Capabilities
from casty.testing.conformance.offset_store.registry import Check as Check
from casty.testing.conformance.offset_store.registry import Subject as Subject
