"""Cancels a transaction in the middle."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from casty.spi.offset_store import OffsetTransaction
from casty.testing.conformance.expectations import expect
from casty.testing.conformance.offset_store.registry import Subject

type Act = Callable[[OffsetTransaction[Any]], Awaitable[object]]


async def cancel_after(act: Act, subject: Subject) -> None:
    """Cancel a transaction of the projection "a" after `act` has run in it."""
    acted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def hang() -> None:
        async with subject.open() as offsets, offsets.transaction("a") as transaction:
            await act(transaction)
            acted.set_result(None)
            await asyncio.Event().wait()

    hanging = asyncio.create_task(hang())
    await asyncio.wait((hanging, acted), return_when=asyncio.FIRST_COMPLETED)
    hanging.cancel()
    await asyncio.wait((hanging,))
    if not hanging.cancelled():
        hanging.result()
        expect(False, "the transaction swallowed the cancellation")
