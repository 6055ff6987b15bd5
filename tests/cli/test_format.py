"""The format of an export is the one that the documentation describes."""

import json
import re
from pathlib import Path
from zlib import crc32

from tests.architecture.source import ROOT
from tests.cli.commands import journal
from tests.cli.histories import Place

PAGE = (ROOT / "docs" / "command-line.md").read_text()


def test_every_line_has_the_documented_fields_and_checksum(sqlite: Place, tmp_path: Path) -> None:
    sqlite.write_bank()
    file = tmp_path / "bank.export"
    journal("export", str(file), *sqlite.arguments)
    documented = {
        kind: re.findall(r"`(\w+)`", fields)
        for kind, fields in re.findall(r'^\| `{"(\w+)": {…}}` \| (.*) \|$', PAGE, re.M)
    }
    seen: set[str] = set()
    before = b""
    for number, line in enumerate(file.read_bytes().splitlines()):
        checksum, _, body = line.partition(b" ")
        before += body
        assert checksum == b"%08x" % crc32(before)
        if number:
            ((kind, fields),) = json.loads(body).items()
            assert list(fields) == documented[kind]
            seen.add(kind)
    assert seen == documented.keys() == {"event", "snapshot", "end"}


def test_the_documented_line_is_one() -> None:
    ((checksum, body),) = re.findall(r'^(\w{8}) ({"casty-journal-export": .*})$', PAGE, re.M)
    assert checksum == f"{crc32(body.encode()):08x}"


def test_every_option_is_documented() -> None:
    for command in ("ids", "show", "stats", "export", "import", "verify"):
        for option in set(re.findall(r"--[\w-]+", journal(command, "--help"))) - {"--help"}:
            assert f"`{option}" in PAGE or f" {option} " in PAGE, f"{command} {option}"
