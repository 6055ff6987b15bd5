"""An export that is not as it was written is refused before anything is imported."""

from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest

from tests.cli.commands import complaint, journal
from tests.cli.histories import Place, balance, deposits

type Damage = Callable[[list[bytes]], list[bytes]]

LINES = 12


def changed(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], lines[3].replace(b'"writer": "w"', b'"writer": "x"'), *lines[4:]]


DAMAGES: dict[str, tuple[Damage, str]] = {
    "a byte is changed": (changed, "line 4 does not match its checksum"),
    "a line is missing": (lambda lines: [*lines[:3], *lines[4:]], "line 4 does not match"),
    "a line is doubled": (lambda lines: [*lines[:4], *lines[3:]], "line 5 does not match"),
    "lines have changed places": (lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], "line 4 does not match"),
    "something is added": (lambda lines: [*lines, b"more\n"], f"line {LINES + 1} does not match"),
    "the last line is missing": (lambda lines: lines[:-1], "ends too soon, after 8 events and 2 snapshots"),
    "half is missing": (lambda lines: lines[:6], "ends too soon, after 5 events and 0 snapshots"),
    "the end is torn off": (lambda lines: [*lines[:-1], lines[-1][:-5]], f"line {LINES} does not match"),
    "the beginning is missing": (lambda lines: lines[1:], "is not an export of a journal"),
    "all is missing": (lambda lines: [], "is not an export of a journal"),
}


@pytest.fixture
def export(sqlite: Place, tmp_path: Path) -> Path:
    sqlite.write(deposits("a", 1, 5), deposits("b", 1, 3), snapshots=[balance("a", 2), balance("b", 3)])
    file = tmp_path / "bank.export"
    journal("export", str(file), *sqlite.arguments)
    return file


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_noticed(export: Path, tmp_path: Path, name: str) -> None:
    damage, expected = DAMAGES[name]
    lines = export.read_bytes().splitlines(keepends=True)
    assert len(lines) == LINES
    export.write_bytes(b"".join(damage(lines)))
    assert expected in complaint("import", str(export), "--url", f"sqlite:///{tmp_path}/other.db", code=1)
    assert not (tmp_path / "other.db").exists()


@pytest.mark.parametrize(
    "body",
    [
        b'{"casty-journal-export": 2, "journal": "sqlite:///events.db"}',
        b'{"projection": {}}',
        b"{}",
        b"[]",
        b"7",
        b"nonsense",
    ],
)
def test_what_a_newer_version_writes_is_refused(tmp_path: Path, body: bytes) -> None:
    export = tmp_path / "bank.export"
    export.write_bytes(b"%08x %b\n" % (crc32(body), body))
    line = complaint("import", str(export), "--url", f"sqlite:///{tmp_path}/other.db", code=1)
    assert "which no export of version 1 does; if a newer Casty wrote it" in line


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    line = complaint("import", "nowhere.export", "--url", f"sqlite:///{tmp_path}/other.db", code=1)
    assert line == "casty: cannot read nowhere.export: No such file or directory"
