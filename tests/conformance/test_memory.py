"""The reference store passes everything."""

from contextlib import nullcontext

import pytest
from casty.journals.memory import CAPABILITIES, MemoryStore
from casty.testing.conformance.journal import Check, checks


@pytest.mark.parametrize("check", checks(CAPABILITIES))
async def test_conformance(check: Check) -> None:
    await check(lambda: nullcontext(MemoryStore()))
