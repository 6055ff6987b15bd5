"""What the configuration names is found when a system starts, and not with the first message."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from casty import ActorSystem, CastyConfig
from casty.config import ActorConfig, JournalConfig, SerializationConfig
from casty.errors import PluginError
from casty.journals.memory import MemoryStore
from casty.plugins import JournalProvider, SerializerProvider, hookimpl
from casty.spi.journal import JournalCapabilities
from casty.spi.serializer import RefResolver, Serializer


@dataclass(frozen=True, slots=True)
class Options:
    pool: int = 1

    def __post_init__(self) -> None:
        if self.pool < 1:
            raise TypeError("a pool of nothing")


class Plugin:
    """Journals that count how often they are opened, one of them of another SPI."""

    def __init__(self) -> None:
        self.opened = 0

    @asynccontextmanager
    async def open(self, url: str, options: Options) -> AsyncGenerator[MemoryStore]:
        self.opened += 1
        yield MemoryStore()

    @hookimpl
    def casty_journals(self) -> list[JournalProvider[Any]]:
        capabilities = JournalCapabilities(durable=False)
        return [
            JournalProvider(names=("lazy",), open=self.open, capabilities=capabilities, options=Options),
            JournalProvider(names=("newer",), open=self.open, capabilities=capabilities, options=Options, spi=99),
        ]

    @hookimpl
    def casty_serializers(self) -> list[SerializerProvider[Any]]:
        def create(resolve: RefResolver, options: object) -> Serializer:
            raise AssertionError("another SPI is not asked for anything")

        return [SerializerProvider(names=("outdated",), create=create, spi=0)]


WRONG = {
    "unknown scheme": (JournalConfig(url="lasy://x"), r"\[journal\]: no journal named 'lasy'.*did you mean 'lazy'"),
    "no distribution": (JournalConfig(url="oracle://x"), "no journal named 'oracle'.*install a plugin that offers it"),
    "another SPI": (JournalConfig(url="newer://x"), "journal 'newer' .*speaks journal SPI 99.*upgrade casty-core"),
    "unknown option": (JournalConfig(url="lazy://x", options={"pol": 2}), "has no option 'pol'; did you mean 'pool'"),
    "wrong option": (JournalConfig(url="lazy://x", options={"pool": "x"}), "option 'pool' .*must be an integer"),
    "options that raise": (
        JournalConfig(url="lazy://x", options={"pool": 0}),
        "do not fit together: a pool of nothing",
    ),
    "wrong bound": (
        JournalConfig(url="lazy://x", options={"snapshot_max_payload": "x"}),
        r"\[journal\]: option 'max_payload' of serializer 'msgpack' must be an integer",
    ),
}


async def expect_refusal(config: CastyConfig, message: str) -> None:
    plugin = Plugin()
    system = ActorSystem(config=config, plugins=[plugin])
    with pytest.raises(PluginError, match=message):
        await system.__aenter__()
    assert plugin.opened == 0
    await system.shutdown()  # there is nothing to stop


@pytest.mark.parametrize(("journal", "message"), WRONG.values(), ids=WRONG)
async def test_a_wrong_journal_fails_the_start(journal: JournalConfig, message: str) -> None:
    await expect_refusal(CastyConfig(journal=journal), message)


async def test_a_wrong_journal_of_some_actors_fails_the_start() -> None:
    actors = {"order-.*": ActorConfig(journal="lazy://orders"), "item-.*": ActorConfig(journal="lasy://items")}
    message = r"\[actors\.'item-\.\*'\] journal: no journal named 'lasy'"
    await expect_refusal(CastyConfig(actors=actors, journal=JournalConfig(url="lazy://x")), message)


WRONG_SERIALIZERS = {
    "unknown name": (SerializationConfig(default="msgpak"), r"\[serialization\]: no serializer named 'msgpak'"),
    "another SPI": (SerializationConfig(default="outdated"), "speaks serializer SPI 0"),
    "option of events": (SerializationConfig(options={"event_max_dept": 3}), "has no option 'max_dept'"),
    "option of snapshots": (SerializationConfig(options={"snapshot_max_depth": "x"}), "must be an integer"),
}


@pytest.mark.parametrize(("serialization", "message"), WRONG_SERIALIZERS.values(), ids=WRONG_SERIALIZERS)
async def test_a_wrong_serializer_fails_the_start(serialization: SerializationConfig, message: str) -> None:
    await expect_refusal(CastyConfig(serialization=serialization), message)


async def test_what_is_right_is_not_opened_by_the_start() -> None:
    plugin = Plugin()
    config = CastyConfig(
        journal=JournalConfig(url="lazy://x", options={"pool": 3}), actors={"a": ActorConfig(journal="lazy://y")}
    )
    async with ActorSystem(config=config, plugins=[plugin]):
        assert plugin.opened == 0
