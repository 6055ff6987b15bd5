"""`python -m casty`: what it prints and with which code it exits."""

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from casty.__main__ import main

from tests.core.plugins import sources
from tests.core.plugins.conftest import Site

VERSION = metadata.version("casty-core")


@pytest.fixture(autouse=True)
def away_from_any_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, list[str]]:
    """The rows of the table by distribution."""
    assert main(["plugins", *arguments]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    return {row[0]: row[1:] for row in rows}


def test_the_table_lists_every_plugin_with_its_state(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.install("acme-journal", "2.1", sources.JOURNAL)
    site.install("broken", "0.3", sources.BROKEN_IMPORT)
    site.install("silent", "0.1", "from casty.plugins import hookimpl")
    site.install("zz-newer", "1.0", sources.JOURNAL_OF_SPI_99.replace("acme", "zz"))
    table = listed(capsys)
    assert table["DISTRIBUTION"] == ["VERSION", "KIND", "NAMES", "SPI", "STATE"]
    assert table["acme-journal"] == ["2.1", "journal", "acme", "1", "ok"]
    assert table["broken"][:7] == ["0.3", "-", "-", "-", "failed:", "ModuleNotFoundError:", "No"]
    assert " ".join(table["zz-newer"]) == (
        "1.0 journal zz 99 speaks journal SPI 99, this casty-core speaks 1; upgrade casty-core"
    )
    assert table["silent"] == ["0.1", "-", "-", "-", "ok,", "provides", "nothing"]


def test_the_columns_are_aligned(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.install("a-journal-with-a-very-long-name", "2.1", sources.JOURNAL)
    assert main(["plugins"]) == 0
    lines = capsys.readouterr().out.splitlines()
    column = lines[0].index("VERSION")
    assert all(line[column - 1] == " " and line[column] != " " for line in lines)


def test_a_conflict_names_the_other_distribution(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.install("one", "1.0", sources.JOURNAL)
    site.install("two", "2.0", sources.JOURNAL)
    table = listed(capsys)
    assert table["one"][4:] == ["conflict", "with", "two", "2.0"]
    assert table["two"][4:] == ["conflict", "with", "one", "1.0"]


def test_instruments_of_one_name_are_no_conflict(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.install("one", "1.0", sources.INSTRUMENTS)
    site.install("two", "2.0", sources.INSTRUMENTS)
    assert listed(capsys)["one"] == ["1.0", "instrument", "meter", "1", "ok"]


def test_a_disabled_plugin_is_listed_with_what_disables_it(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("acme-journal", "2.1", sources.JOURNAL)
    file = tmp_path / "other.toml"
    file.write_text('[plugins]\ndisabled = ["acme-journal"]\n')
    monkeypatch.setenv("CASTY_DISABLED_PLUGINS", "casty-cluster")
    table = listed(capsys, "--config", str(file))
    assert table["acme-journal"] == ["2.1", "-", "-", "-", "disabled", "by", "[plugins]", "disabled"]
    assert table["casty-cluster"] == [VERSION, "-", "-", "-", "disabled", "by", "CASTY_DISABLED_PLUGINS"]


def test_json_holds_the_same_rows(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.install("acme-journal", "2.1", sources.JOURNAL)
    assert main(["plugins", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {
        "distribution": "acme-journal",
        "version": "2.1",
        "entry": "plugin",
        "kind": "journal",
        "names": ["acme"],
        "spi": 1,
        "state": "ok",
    } in rows


def test_without_a_command_it_prints_its_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: python -m casty")
    assert "--version" in text
    assert "plugins" in text


@pytest.mark.parametrize("arguments", [["nonsense"], ["plugins", "--nonsense"], ["--nonsense"]])
def test_a_wrong_command_line_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert "nonsense" in capsys.readouterr().err


def test_a_wrong_configuration_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--config", "nowhere.toml"]) == 2
    assert capsys.readouterr().err.startswith("casty: nowhere.toml: ")


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "casty", "--version"],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == f"casty-core {VERSION}\n"
