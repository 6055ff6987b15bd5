"""The command `casty`: what it prints and with which code it exits."""

import json
import os
import platform
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
    assert table["DISTRIBUTION"] == ["VERSION", "ENTRY", "KIND", "NAMES", "SPI", "STATE"]
    assert table["acme-journal"] == ["2.1", "plugin", "journal", "acme", "1", "ok"]
    assert table["broken"][:8] == ["0.3", "plugin", "-", "-", "-", "failed:", "ModuleNotFoundError:", "No"]
    assert " ".join(table["zz-newer"]) == (
        "1.0 plugin journal zz 99 speaks journal SPI 99, this casty-core speaks 1; upgrade casty-core"
    )
    assert table["silent"] == ["0.1", "plugin", "-", "-", "-", "ok,", "provides", "nothing"]


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
    assert table["one"][5:] == ["conflict", "with", "two", "2.0"]
    assert table["two"][5:] == ["conflict", "with", "one", "1.0"]


def test_instruments_of_one_name_are_no_conflict(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.install("one", "1.0", sources.INSTRUMENTS)
    site.install("two", "2.0", sources.INSTRUMENTS)
    assert listed(capsys)["one"] == ["1.0", "plugin", "instrument", "meter", "1", "ok"]


def test_a_disabled_plugin_is_listed_with_what_disables_it(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("acme-journal", "2.1", sources.JOURNAL)
    file = tmp_path / "other.toml"
    file.write_text('[plugins]\ndisabled = ["acme-journal"]\n')
    monkeypatch.setenv("CASTY_DISABLED_PLUGINS", "casty-cluster")
    table = listed(capsys, "--config", str(file))
    assert table["acme-journal"] == ["2.1", "plugin", "-", "-", "-", "disabled", "by", "[plugins]", "disabled"]
    assert table["casty-cluster"] == [VERSION, "cluster", "-", "-", "-", "disabled", "by", "CASTY_DISABLED_PLUGINS"]


def test_a_check_of_plugins_that_all_work_exits_with_0(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.install("acme-journal", "2.1", sources.JOURNAL)
    site.install("silent", "0.1", "from casty.plugins import hookimpl")
    assert main(["plugins", "--check"]) == 0
    assert "acme-journal" in capsys.readouterr().out


FAULTY = {
    "failed import": [sources.BROKEN_IMPORT],
    "exit on import": ["raise SystemExit(0)"],
    "hook that raises": [sources.RAISING_HOOK],
    "misspelt hook": [sources.MISSPELT_HOOK],
    "another SPI": [sources.JOURNAL_OF_SPI_99],
    "conflict of names": [sources.JOURNAL, sources.JOURNAL],
    "conflict of types": [sources.codec("one"), sources.codec("two")],
}


@pytest.mark.parametrize("modules", FAULTY.values(), ids=FAULTY)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_check_of_plugins_that_fail_or_conflict_exits_with_1(
    site: Site, modules: list[str], form: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for number, module in enumerate(modules):
        site.install(f"faulty-{number}", "1.0", module)
    assert main(["plugins", *form]) == 0
    listing = capsys.readouterr().out
    assert main(["plugins", "--check", *form]) == 1
    assert capsys.readouterr().out == listing, "the check lists what the command lists"


def test_a_disabled_plugin_passes_the_check(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("broken", "0.3", sources.BROKEN_IMPORT)
    monkeypatch.setenv("CASTY_DISABLED_PLUGINS", "broken")
    assert main(["plugins", "--check"]) == 0


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
        "ok": True,
    } in rows


def test_without_a_command_it_prints_its_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: casty")
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


COMMANDS = ([str(Path(sys.executable).with_name("casty"))], [sys.executable, "-W", "error", "-m", "casty"])
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
"""As from a shell: what is printed waits in a buffer until the command ends."""
each_command = pytest.mark.parametrize("command", COMMANDS, ids=["casty", "python -m casty"])


@each_command
def test_the_command_and_the_module_are_the_same(command: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*command, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=200
    )
    *distributions, python = done.stdout.splitlines()
    assert f"casty-core {VERSION}" in distributions
    assert distributions == sorted(distributions)
    assert python == f"Python {platform.python_version()}"
    assert done.stderr == ""


def test_the_version_of_a_plugin_is_listed(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.install("casty-journal-acme", "2.1", sources.JOURNAL)
    assert main(["--version"]) == 0
    assert "casty-journal-acme 2.1" in capsys.readouterr().out.splitlines()


@each_command
@pytest.mark.parametrize("arguments", [["plugins"], ["--version"], ["--help"], ["journal", "--help"]], ids=" ".join)
def test_a_reader_that_is_gone_is_no_traceback(command: list[str], arguments: list[str], tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as broken:
        done = subprocess.run(
            [*command, *arguments],
            cwd=tmp_path,
            stdout=broken,
            env=BUFFERED,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=200,
        )
    assert (done.returncode, done.stderr) == (1, "")


def test_a_reader_of_errors_that_is_gone_is_no_traceback(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as broken:
        command = [*COMMANDS[0], "plugins", "--config", "nowhere.toml"]
        done = subprocess.run(command, cwd=tmp_path, stdout=broken, stderr=broken, check=False, timeout=200)
    assert done.returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMANDS[0], "plugins"],
            cwd=tmp_path,
            stdout=full,
            env=BUFFERED,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=200,
        )
    assert done.stderr == "casty: cannot write the result: No space left on device\n"
    assert done.returncode == 1


def test_without_standard_output_it_is_quiet(tmp_path: Path) -> None:
    command = ["sh", "-c", '"$0" plugins >&-', *COMMANDS[0]]
    done = subprocess.run(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False, timeout=200)
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("casty.__main__.load_plugins", interrupted)
    assert main(["plugins"]) == 130
    assert capsys.readouterr() == ("", "casty: interrupted\n")
