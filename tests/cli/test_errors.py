"""What is wrong is said in one line on standard error, and by the exit code: 2 for how it was asked, 1 for the rest."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from casty.__main__ import main

from tests.architecture.source import ROOT
from tests.cli.commands import complaint, finished, journal
from tests.cli.histories import Place, deposits
from tests.journal_postgres.server import GIVEN, GUARDED

COMMANDS = (("ids",), ("show", "a"), ("stats",), ("verify",), ("export", "bank.export"))


def test_without_the_package_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "casty_cli", None)
    assert main(["journal", "ids"]) == 2
    assert capsys.readouterr() == ("", 'casty: casty_cli is not installed; run: pip install "casty[cli]"\n')
    assert main(["plugins"]) == 0
    assert main([]) == 0
    assert "journal" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_a_journal_it_says_how_to_name_one(command: tuple[str, ...]) -> None:
    assert complaint(*command, code=2) == (
        'casty: no journal is named; give a URL, such as sqlite:///events.db, or set [journal] url = "…" in casty.toml'
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_looking_never_makes_a_file(command: tuple[str, ...], tmp_path: Path) -> None:
    line = complaint(*command, "--url", "sqlite:///nowhere.db", code=1)
    assert line.startswith("casty: there is no SQLite journal nowhere.db to read")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("oracle://bank",), "no journal named 'oracle'; installed: memory,"),
        (("events.db",), "not 'events.db'; for a SQLite file write: sqlite:///events.db"),
        (("memory://",), "exists only in its own process"),
        (("sqlite://events.db",), "names a host, 'events.db', but SQLite has none"),
        (("--url", "postgresql://me:p@ss:w@rd@host/x"), "it is not shown, as it may hold a password"),
        (("sqlite:///a.db", "--option", "schema=bank"), "journal 'sqlite' has no option 'schema'"),
        (("sqlite:///a.db", "--option", "busy_timeout=soon"), "option 'busy_timeout' of journal 'sqlite'"),
        (("sqlite:///a.db", "--option", "busy_timeout"), "an option is KEY=VALUE"),
        (("--config", "nowhere.toml"), "nowhere.toml: cannot be read"),
    ],
)
def test_a_wrong_place_is_explained(arguments: tuple[str, ...], said: str) -> None:
    assert said in complaint("ids", *arguments, code=2)


def test_a_module_of_types_that_cannot_be_imported_is_explained(sqlite: Place) -> None:
    line = complaint("verify", "--types", "no.such.module", *sqlite.arguments, code=2)
    assert "--types no.such.module: importing it raised ModuleNotFoundError" in line


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("ids", "--nonsense"), ("show",), ("show", "a", "--limit", "many")], ids=" ".join
)
def test_a_wrong_command_line_exits_with_2(arguments: tuple[str, ...]) -> None:
    text = journal(*arguments, code=2)
    assert "Usage: " in text
    assert "Traceback" not in text


@pytest.mark.skipif(bool(GIVEN), reason="the server that was given may know other users")
def test_a_wrong_password_is_explained_and_not_shown(dsn: str) -> None:
    place = urlsplit(dsn)
    url = f"postgresql://{GUARDED}:secret@{place.hostname}:{place.port}/postgres"
    line = complaint("ids", "--url", url, code=1)
    assert f"cannot open the PostgreSQL journal postgresql://{GUARDED}@" in line
    assert "check the user and the password in the DSN" in line
    assert "secret" not in line


def test_a_server_that_is_not_there_is_explained() -> None:
    line = complaint("ids", "--url", "postgresql://127.0.0.1:1/x", "--option", "command_timeout=0.3", code=1)
    assert "cannot open the PostgreSQL journal postgresql://127.0.0.1:1/x" in line


def test_a_file_that_is_no_journal_is_explained(tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_text("Dear Sir or Madam, " * 1_000)
    assert "is not a Casty journal" in complaint("ids", "--url", "sqlite:///letter.db", code=1)


@pytest.mark.skipif(bool(GIVEN), reason="the server that was given may ask for another password")
def test_a_password_is_neither_in_an_export_nor_said(postgres: Place, tmp_path: Path) -> None:
    postgres.write(deposits("a", 1, 2))
    place = urlsplit(postgres.url)
    url = f"postgresql://postgres:secret@{place.hostname}:{place.port}{place.path}"
    (option,) = postgres.options
    run = finished("export", str(tmp_path / "bank.export"), "--url", url, "--option", option)
    assert run.returncode == 0, run.stderr
    assert "secret" not in run.stdout + run.stderr + (tmp_path / "bank.export").read_text()


def test_a_file_that_may_not_grow_is_explained_and_gone_on_with(sqlite: Place, tmp_path: Path) -> None:
    sqlite.write_much(50, 20)
    file = tmp_path / "bank.export"
    command = [sys.executable, "-m", "casty", "journal", "export", str(file), *sqlite.arguments]
    limited = ["bash", "-c", 'ulimit -f 128; exec "$@"', "-", *command]
    run = subprocess.run(limited, cwd=ROOT, capture_output=True, text=True, check=False, timeout=200)
    assert run.returncode == 1
    assert run.stderr == (
        f"casty: cannot write {file}.part: File too large; fix that and run the same command again: it continues where "
        "it stopped\n"
    )
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=200)
    assert run.stdout.startswith(f"{file}: 1000 events and 50 snapshots of ")


def test_a_configuration_names_the_journal(sqlite: Place, tmp_path: Path) -> None:
    sqlite.write(deposits("a", 1, 2))
    settings = f'[journal]\nurl = "{sqlite.url}"\noptions = {{ busy_timeout = 1.0 }}\n'
    (tmp_path / "casty.toml").write_text(settings)
    (tmp_path / "other.toml").write_text(settings.replace("busy_timeout", "busy"))
    assert journal("ids") == "a\n"
    assert "has no option 'busy'" in complaint("ids", "--config", "other.toml", code=2)
    # Options are of the configured journal, and of no other.
    other = Place(f"sqlite:///{tmp_path}/other.db")
    other.write(deposits("b", 1, 1))
    assert journal("ids", "--config", "other.toml", *other.arguments) == "b\n"
