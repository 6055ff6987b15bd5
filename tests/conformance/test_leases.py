"""The lease store in memory passes everything."""

import pytest
from casty.leases.memory import open_memory
from casty.plugins import NoOptions
from casty.testing.conformance.lease import Check, checks


@pytest.mark.parametrize("check", checks())
async def test_conformance(check: Check) -> None:
    await check(lambda: open_memory("memory://", NoOptions()))
