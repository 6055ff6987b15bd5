"""Requesting the lease that decides which side survives: whatever the store does, there is a decision."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from casty.leases.memory import MemoryLeases
from casty.plugins import LeaseProvider, NoOptions, PluginRegistry, hookimpl
from casty.spi.downing import Acquire, Down
from casty.spi.lease import LeaseGrant
from casty_cluster.node.lease_decisions import PATIENCE, decide_by_lease

ALL = Down(frozenset(), "")


class Store(MemoryLeases):
    """One that does what its name says."""

    def __init__(self, does: str) -> None:
        super().__init__()
        self._does = does

    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        match self._does:
            case "raise":
                raise ValueError("a bug")
            case "give a signal":
                raise BaseExceptionGroup("", [GeneratorExit()])
            case "cancel itself":
                raise asyncio.CancelledError
            case "hang":
                await asyncio.sleep(2 * PATIENCE)
            case _:
                pass
        return await super().acquire(name, owner, seconds)


class Plugin:
    """Offers such stores at `test://`."""

    @hookimpl
    def casty_leases(self) -> list[LeaseProvider[Any]]:
        @asynccontextmanager
        async def open_store(url: str, options: NoOptions) -> AsyncGenerator[Store]:
            yield Store(url.removeprefix("test://"))

        return [LeaseProvider(names=("test",), open=open_store)]


def acquire(store: str) -> Acquire:
    return Acquire(store=store, lease="downing", owner="one", seconds=40.0, delay=0.0, won=ALL, lost=ALL)


@pytest.mark.parametrize(
    ("store", "won"),
    [
        ("test://grant", True),
        ("test://raise", False),
        ("test://give a signal", False),
        ("test://cancel itself", False),
        ("test://hang", False),
        ("nowhere://", False),
    ],
)
async def test_a_side_has_the_lease_only_if_the_store_says_so(
    store: str, won: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("casty_cluster.node.lease_decisions.PATIENCE", 0.05)
    plugins = PluginRegistry.discover(extra=[Plugin()])
    assert await decide_by_lease(plugins, "bank", acquire(store)) is won
