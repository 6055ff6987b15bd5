"""The texts of the errors that a lookup raises: what was wanted, what there is, what to do next."""

from importlib import metadata
from typing import Any

import pytest
from casty.errors import PluginError
from casty.plugins import JournalProvider, PluginRegistry, builtin, hookimpl

from tests.core.plugins import sources
from tests.core.plugins.conftest import Site


def error_of(registry: PluginRegistry, url: str) -> str:
    with pytest.raises(PluginError) as raised:
        registry.journal(url)
    return str(raised.value)


def test_a_well_known_journal_that_is_missing_names_its_extra(core_alone: Site) -> None:
    core_alone.install("acme-journal", "2.1", sources.JOURNAL)
    assert error_of(PluginRegistry.discover(), "postgresql://host/db") == (
        "no journal named 'postgresql'; installed: acme, memory; install it with: pip install \"casty[postgres]\""
    )


def test_an_unknown_name_gets_the_nearest_one(core_alone: Site) -> None:
    expected = "no journal named 'memroy'; installed: memory; did you mean 'memory'?"
    assert error_of(PluginRegistry.discover(), "memroy://") == expected


def test_an_unknown_name_that_is_like_no_other(core_alone: Site) -> None:
    registry = PluginRegistry.discover()
    advice = "install a plugin that offers it; casty plugins shows what was found"
    assert error_of(registry, "xyz://") == f"no journal named 'xyz'; installed: memory; {advice}"
    with pytest.raises(PluginError, match=r"^no failure detector named 'xyz'; installed: none; install a plugin"):
        registry.failure_detector("xyz")
    with pytest.raises(PluginError, match=r"^no serializer named 'xyz'; installed: msgpack; install a plugin"):
        registry.serializer("xyz")
    with pytest.raises(PluginError, match=r"^no downing strategy named 'xyz'; installed: none; install a plugin"):
        registry.downing_strategy("xyz")
    with pytest.raises(PluginError, match=r"^no lease store named 'postgresql'; .*; install it with: pip install"):
        registry.lease("postgresql://host/database")
    with pytest.raises(PluginError, match=r"^no transport named 'xyz'; installed: inproc; install a plugin"):
        registry.transport("xyz://a:1")


def test_a_path_is_no_url(core_alone: Site) -> None:
    assert error_of(PluginRegistry.discover(), "events.db") == (
        "a journal is named by a URL, such as memory://, not 'events.db'; installed: memory"
    )


def test_an_error_about_a_missing_plugin_names_those_that_failed_to_import(core_alone: Site) -> None:
    core_alone.install("casty-postgres-of-old", "0.9", sources.BROKEN_IMPORT)
    assert error_of(PluginRegistry.discover(), "postgresql://") == (
        "no journal named 'postgresql'; installed: memory; failed: casty-postgres-of-old 0.9 "
        "(ModuleNotFoundError: No module named 'a_driver_that_is_not_there'); "
        'install it with: pip install "casty[postgres]"'
    )


def test_a_hook_that_failed_is_named_only_where_its_kind_is_missed(core_alone: Site) -> None:
    core_alone.install("faulty", "1.0", sources.RAISING_HOOK)
    registry = PluginRegistry.discover()
    assert "failed: faulty 1.0 (casty_journals() raised RuntimeError: no licence)" in error_of(registry, "acme://")
    with pytest.raises(PluginError, match=r"^no serializer named 'json'; installed: msgpack; install"):
        registry.serializer("json")


def test_a_disabled_plugin_is_named_with_what_disables_it(core_alone: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    core_alone.install("acme-journal", "2.1", sources.JOURNAL)
    core_alone.install("meter", "1.0", sources.INSTRUMENTS)
    monkeypatch.setenv("CASTY_DISABLED_PLUGINS", "meter")
    assert error_of(PluginRegistry.discover(disabled=["acme-journal"]), "acme://") == (
        "no journal named 'acme'; installed: memory; "
        "disabled: acme-journal 2.1 (by [plugins] disabled), meter 1.0 (by CASTY_DISABLED_PLUGINS); "
        "install a plugin that offers it; casty plugins shows what was found"
    )


def test_two_plugins_with_one_name_are_an_error_only_when_it_is_used(core_alone: Site) -> None:
    core_alone.install("fast-journal", "2.0", sources.JOURNAL)
    core_alone.install("acme-journal", "2.1", sources.JOURNAL)
    registry = PluginRegistry.discover()
    assert registry.journal("memory://").names == ("memory",)
    assert error_of(registry, "acme://") == (
        "2 plugins offer the journal 'acme': acme-journal 2.1, fast-journal 2.0; "
        'keep one, for example with [plugins] disabled = ["fast-journal"]'
    )
    assert PluginRegistry.discover(disabled=["fast-journal"]).journal("acme://").names == ("acme",)


def test_two_entries_of_one_distribution_with_one_name(core_alone: Site) -> None:
    core_alone.install("acme-journal", "2.1", {"new": sources.JOURNAL, "old": sources.JOURNAL})
    assert error_of(PluginRegistry.discover(), "acme://") == (
        "2 plugins offer the journal 'acme': acme-journal 2.1, acme-journal 2.1; "
        'keep one, for example with [plugins] disabled = ["acme-journal:old"]'
    )


class AnotherMemory:
    @hookimpl
    def casty_journals(self) -> list[JournalProvider[Any]]:
        return builtin.casty_journals()


def test_a_plugin_given_in_code_does_not_win_silently(core_alone: Site) -> None:
    version = metadata.version("casty-core")
    assert error_of(PluginRegistry.discover(extra=[AnotherMemory()]), "memory://") == (
        f"2 plugins offer the journal 'memory': (code):plugins[0], casty-core {version}; "
        'keep one, for example with [plugins] disabled = ["casty-core"]'
    )


def test_two_plugins_given_in_code_with_one_name(core_alone: Site) -> None:
    registry = PluginRegistry.discover(disabled=["casty-core"], extra=[AnotherMemory(), AnotherMemory()])
    assert error_of(registry, "memory://") == (
        "2 plugins offer the journal 'memory': (code):plugins[0], (code):plugins[1]; "
        "give only one of them as plugins=[...]"
    )


@pytest.mark.parametrize(
    ("source", "theirs", "outdated"),
    [(sources.JOURNAL_OF_SPI_99, 99, "casty-core"), (sources.JOURNAL_OF_SPI_0, 0, "acme-journal")],
)
def test_another_spi_names_both_numbers_and_what_to_upgrade(
    core_alone: Site, source: str, theirs: int, outdated: str
) -> None:
    core_alone.install("acme-journal", "2.1", source)
    assert error_of(PluginRegistry.discover(), "acme://") == (
        f"journal 'acme' of acme-journal 2.1 speaks journal SPI {theirs}, this casty-core speaks 1; upgrade {outdated}"
    )
