"""What every lease store must do, as plain async functions that raise `AssertionError`.

A store's author runs them with three lines of pytest, each check on a store that holds nothing yet:

    @pytest.mark.parametrize("check", checks())
    async def test_conformance(check: Check, dsn: str) -> None:
        await check(lambda: open_leases(dsn))

The function given opens the store, as an async context manager; checks open it several times at once, and must then
find the same leases. What only a store's own tests can do is left to them: to stop its server, or to cut a connection
while it answers.
"""

from casty.testing.conformance.lease.catalog import checks as checks
from casty.testing.conformance.lease.registry import Check as Check
from casty.testing.conformance.lease.registry import OpenLeases as OpenLeases
