"""How the journal in memory is opened; what it does as a store is in tests/conformance."""

import pytest
from casty.errors import ConfigError
from casty.journals.memory import CAPABILITIES, PROVIDER
from casty.plugins import NoOptions

from tests.core.persistence.fakes import event


async def test_each_opening_of_the_url_is_a_store_of_its_own() -> None:
    async with (
        PROVIDER.open("memory://", NoOptions()) as one,
        PROVIDER.open("memory://", NoOptions()) as other,
    ):
        await one.append([[event("a", 1)]])
        assert await other.highest_sequence_nr("a") == 0


async def test_the_url_takes_no_name() -> None:
    with pytest.raises(ConfigError, match="write memory:// for"):
        async with PROVIDER.open("memory://bank", NoOptions()):
            pass


async def test_the_store_promises_what_its_provider_says() -> None:
    async with PROVIDER.open("memory://", NoOptions()) as store:
        assert store.capabilities == PROVIDER.capabilities == CAPABILITIES
