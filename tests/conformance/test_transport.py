"""The transport within one process does all that a transport must, but for waiting for those who are not there yet."""

import pytest
from casty.testing.conformance.transport import Capabilities, Check, checks
from casty.transports.inproc import InprocOptions, open_inproc

CAPABILITIES = Capabilities(patient=False, advertising=False, processes=False)


@pytest.mark.parametrize("check", checks(CAPABILITIES))
async def test_conformance(check: Check) -> None:
    await check(
        lambda receiver, endpoint, at: open_inproc(f"inproc://{at or 'node:0'}", receiver, endpoint, InprocOptions())
    )
