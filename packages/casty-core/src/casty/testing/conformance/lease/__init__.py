"""What every lease store must do, as plain async functions that raise `AssertionError`.

A store's author runs them with three lines of pytest, each check on an empty store:

    @pytest.mark.parametrize("check", checks())
    async def test_conformance(check: Check, dsn: str) -> None:
        await check(lambda: open_leases(dsn))

The function opens the store, as an async context manager. Checks open it several times concurrently, and must then
find the same leases. Some tests are left to the store's author: to stop its server, or to cut a connection
during a reply.
"""

from casty.testing.conformance.lease.catalog import checks as checks
from casty.testing.conformance.lease.registry import Check as Check
from casty.testing.conformance.lease.registry import OpenLeases as OpenLeases
