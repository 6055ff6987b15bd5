"""What is found: plugins installed, built in, given in code; and that no faulty one harms another."""

import logging
import sys
from importlib import metadata
from types import ModuleType
from typing import Any

import pytest
from casty.errors import PluginError
from casty.plugins import InstrumentProvider, JournalProvider, PluginRegistry, builtin, hookimpl

from tests.core.plugins import sources
from tests.core.plugins.conftest import Site


def names(registry: PluginRegistry) -> set[str]:
    return {f"{offer.kind.word} {name}" for offer in registry.catalog.offers for name in offer.provider.names}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_installed_distributions_are_found_through_their_entry_points() -> None:
    registry = PluginRegistry.discover()
    installed = {entry.dist.name for entry in metadata.entry_points(group="casty") if entry.dist is not None}
    found = {origin.distribution for origin in registry.catalog.plugins}
    found |= {fault.origin.distribution for fault in registry.catalog.faults}
    assert {"casty-core", "casty-cluster", "casty-transport-tcp", "casty-journal-postgres"} <= found
    assert found == installed


def test_the_builtins_come_through_the_entry_point_of_the_core() -> None:
    registry = PluginRegistry.discover()
    assert {"journal memory", "transport inproc", "serializer msgpack"} <= names(registry)
    origins = {offer.origin.name for offer in registry.catalog.offers if "memory" in offer.provider.names}
    assert origins == {"casty-core:builtin"}
    assert registry.journal("memory://").names == ("memory",)
    assert registry.transport("inproc://a:0").names == ("inproc",)
    assert registry.serializer("msgpack").names == ("msgpack",)


def test_a_core_without_metadata_still_has_its_builtins(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(**_: str) -> list[metadata.EntryPoint]:
        return []

    monkeypatch.setattr(metadata, "entry_points", nothing)
    registry = PluginRegistry.discover()
    assert [origin.name for origin in registry.catalog.plugins] == ["casty-core:builtin"]
    assert registry.journal("memory://").names == ("memory",)


def test_a_third_partys_journal_is_chosen_by_its_scheme_in_any_case(site: Site) -> None:
    site.install("acme-journal", "2.1", sources.JOURNAL)
    registry = PluginRegistry.discover()
    assert registry.journal("acme://somewhere/else").names == ("acme",)
    assert registry.journal("ACME://x").names == ("acme",)


def test_failure_detectors_and_instruments_are_found(site: Site) -> None:
    site.install("b-meter", "1.0", sources.INSTRUMENTS.replace("meter", "gauge"))
    site.install("a-meter", "1.0", sources.INSTRUMENTS)
    site.install("patience", "1.0", sources.FAILURE_DETECTORS)
    registry = PluginRegistry.discover()
    assert registry.failure_detector("patient").names == ("patient",)
    assert [provider.names for provider in registry.instruments()] == [("meter",), ("gauge",)]
    assert all(isinstance(provider, InstrumentProvider) for provider in registry.instruments())


def test_what_a_cluster_needs_is_found() -> None:
    registry = PluginRegistry.discover()
    for name in ("phi-accrual", "swim"):
        assert registry.failure_detector(name).names == (name,)
    for name in ("keep-majority", "static-quorum", "keep-oldest", "down-all", "lease"):
        assert registry.downing_strategy(name).names == (name,)
    for name in ("least-shards", "hash-ring"):
        assert registry.allocation_strategy(name).names == (name,)
    assert registry.lease("memory://").names == ("memory",)
    assert "postgresql" in registry.lease("postgresql://host/database").names


def test_distributions_are_read_once_until_one_is_installed(core_alone: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    read, installed = list[str](), metadata.entry_points

    def counted(*, group: str) -> Any:
        read.append(group)
        return installed(group=group)

    monkeypatch.setattr(metadata, "entry_points", counted)
    for _ in range(3):
        PluginRegistry.discover()
    assert read == ["casty"]
    core_alone.install("acme-late", "1.0", "")
    assert "acme-late" in {origin.distribution for origin in PluginRegistry.discover().catalog.plugins}
    assert read == ["casty", "casty"]


def test_two_distributions_may_call_their_entry_points_alike(site: Site) -> None:
    site.install("one", "1.0", sources.JOURNAL)
    site.install("two", "1.0", sources.JOURNAL.replace("acme", "umbrella"))
    assert {"journal acme", "journal umbrella"} <= names(PluginRegistry.discover())


def test_a_plugin_that_fails_to_import_is_one_warning_and_stops_no_other(
    core_alone: Site, caplog: pytest.LogCaptureFixture
) -> None:
    core_alone.install("a-broken-one", "1.0", sources.BROKEN_IMPORT)
    core_alone.install("acme-journal", "2.1", sources.JOURNAL)
    registry = PluginRegistry.discover()
    assert warnings(caplog) == [
        ("plugin a-broken-one:plugin: left out: ModuleNotFoundError: No module named 'a_driver_that_is_not_there'")
    ]
    assert registry.journal("acme://x").names == ("acme",)


@pytest.mark.parametrize("error", ["SystemExit(0)", "GeneratorExit", "BaseException('odd')", "Wordless()"])
def test_whatever_an_import_or_a_hook_raises_is_a_failed_plugin(
    core_alone: Site, caplog: pytest.LogCaptureFixture, error: str
) -> None:
    wordless = "class Wordless(Exception):\n    def __str__(self): raise KeyError('no text')\n\n"
    core_alone.install("at-import", "1.0", f"{wordless}raise {error}")
    core_alone.install("at-call", "1.0", wordless + sources.RAISING_HOOK.replace('RuntimeError("no licence")', error))
    core_alone.install("acme-journal", "2.1", sources.JOURNAL)
    registry = PluginRegistry.discover()
    assert [fault.origin.distribution for fault in registry.catalog.faults] == ["at-import", "at-call"]
    assert len(warnings(caplog)) == 2
    assert registry.journal("acme://x").names == ("acme",)


def test_ctrl_c_during_an_import_ends_the_program(core_alone: Site) -> None:
    core_alone.install("slow", "1.0", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        PluginRegistry.discover()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (sources.RAISING_HOOK, "casty_journals() raised RuntimeError: no licence"),
        (
            sources.MISSPELT_HOOK,
            (
                "unknown hook casty_journal; there are casty_journals, casty_transports, casty_serializers, "
                "casty_codecs, casty_failure_detectors, casty_downing_strategies, "
                "casty_allocation_strategies, casty_leases, casty_instruments, casty_cluster_features"
            ),
        ),
        (
            sources.journals_returning("'nonsense'"),
            "casty_journals() returned 'nonsense'; a list of JournalProvider is wanted",
        ),
        (
            sources.journals_returning("[42]"),
            "casty_journals() returned 42 in its list; a list of JournalProvider is wanted",
        ),
        (
            sources.journals_returning("[provider(names='acme')]"),
            ("casty_journals() returned a provider with the names 'acme'; a tuple of at least one name is wanted"),
        ),
        (
            sources.journals_returning("[provider(names=('Acme',))]"),
            ("casty_journals() offers the name 'Acme'; lower-case letters, digits, '+', '.' and '-' are wanted"),
        ),
        (
            sources.journals_returning("[provider(), provider()]"),
            "casty_journals() offers the name 'acme' twice",
        ),
        (
            sources.journals_returning("[provider(spi='1')]"),
            "casty_journals() offers 'acme' with the SPI '1'; a number is wanted",
        ),
        (
            sources.journals_returning("[provider(options=dict)]"),
            "casty_journals() offers 'acme' with the options <class 'dict'>; a dataclass is wanted",
        ),
    ],
)
def test_a_faulty_plugin_is_left_out_with_its_reason(
    core_alone: Site, caplog: pytest.LogCaptureFixture, source: str, reason: str
) -> None:
    core_alone.install("faulty", "1.0", source)
    registry = PluginRegistry.discover()
    assert warnings(caplog) == [f"plugin faulty:plugin: left out: {reason}"]
    assert [fault.reason for fault in registry.catalog.faults] == [reason]
    assert {"journal memory", "serializer msgpack"} <= names(registry)
    assert "journal acme" not in names(registry)


def test_a_hook_with_an_argument_is_refused(site: Site) -> None:
    site.install("faulty", "1.0", sources.HOOK_WITH_ARGUMENT)
    reasons = [f.reason for f in PluginRegistry.discover().catalog.faults if f.origin.distribution == "faulty"]
    assert len(reasons) == 1
    assert reasons[0].startswith("it cannot be registered: PluginValidationError")
    assert "config" in reasons[0]
    assert "\n" not in reasons[0]


def test_an_optional_hook_of_a_newer_core_is_no_fault(site: Site) -> None:
    site.install("modern", "1.0", sources.OPTIONAL_HOOK)
    catalog = PluginRegistry.discover().catalog
    assert "modern" in {origin.distribution for origin in catalog.plugins}
    assert "modern" not in {fault.origin.distribution for fault in catalog.faults}


def test_an_instrument_of_another_spi_is_reported_at_once(core_alone: Site, caplog: pytest.LogCaptureFixture) -> None:
    core_alone.install("meter", "1.0", sources.INSTRUMENT_OF_SPI_99)
    registry = PluginRegistry.discover()
    assert registry.instruments() == ()
    assert warnings(caplog) == [
        (
            "plugin meter:plugin: left out: 'meter' speaks instrument SPI 99, this casty-core speaks 1; "
            "upgrade casty-core"
        )
    ]


class MemoryUnderAnotherName:
    """A plugin given in code: any object with hooks."""

    @hookimpl
    def casty_journals(self) -> list[JournalProvider[Any]]:
        memory = builtin.casty_journals()[0]
        return [JournalProvider(names=("mine",), open=memory.open, capabilities=memory.capabilities)]


def test_a_plugin_may_be_given_in_code() -> None:
    registry = PluginRegistry.discover(extra=[MemoryUnderAnotherName()])
    assert registry.journal("mine://").names == ("mine",)


def test_a_plugin_given_in_code_that_is_installed_as_well_counts_once() -> None:
    registry = PluginRegistry.discover(extra=[builtin])
    assert registry.journal("memory://").names == ("memory",)


def test_a_faulty_plugin_given_in_code_is_an_error_at_once() -> None:
    faulty = ModuleType("faulty")
    exec(sources.RAISING_HOOK, faulty.__dict__)
    with pytest.raises(PluginError, match=r"^plugins\[1\]: casty_journals\(\) raised RuntimeError: no licence$"):
        PluginRegistry.discover(extra=[MemoryUnderAnotherName(), faulty])


@pytest.mark.parametrize("switch", ["acme-journal", "ACME_Journal", "acme-journal:plugin"])
def test_a_disabled_plugin_is_not_even_imported(site: Site, switch: str) -> None:
    site.install("acme-journal", "2.1", sources.JOURNAL)
    registry = PluginRegistry.discover(disabled=[switch])
    assert "journal acme" not in names(registry)
    assert "acme_journal_plugin" not in sys.modules
    assert [(item.origin.name, item.by) for item in registry.catalog.disabled] == [
        ("acme-journal:plugin", "[plugins] disabled")
    ]


def test_one_entry_of_a_distribution_may_be_disabled(site: Site) -> None:
    two = {"red": sources.JOURNAL, "blue": sources.JOURNAL.replace("acme", "umbrella")}
    site.install("colours", "1.0", two)
    found = names(PluginRegistry.discover(disabled=["colours:red"]))
    assert "journal umbrella" in found
    assert "journal acme" not in found


def test_the_environment_disables_as_well(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("acme-journal", "2.1", sources.JOURNAL)
    monkeypatch.setenv("CASTY_DISABLED_PLUGINS", "casty-cluster, acme-journal")
    disabled = PluginRegistry.discover().catalog.disabled
    assert [(item.origin.distribution, item.by) for item in disabled] == [
        ("acme-journal", "CASTY_DISABLED_PLUGINS"),
        ("casty-cluster", "CASTY_DISABLED_PLUGINS"),
    ]


def test_disabling_what_is_not_installed_is_a_warning(core_alone: Site, caplog: pytest.LogCaptureFixture) -> None:
    PluginRegistry.discover(disabled=["casty-jornal"])
    assert warnings(caplog) == ["[plugins] disabled disables 'casty-jornal', but no such plugin is installed"]
