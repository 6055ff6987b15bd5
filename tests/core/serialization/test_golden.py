"""Bytes that were written once are read for ever: files in `golden/` are added, never changed."""

import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from tests.core.serialization import release_1
from tests.core.serialization.golden_files import FOLDER, HISTORY, stored, write

ENTRIES = [(path.stem, label) for path in sorted(FOLDER.iterdir()) for label in stored(path.stem)]


def shape(value: Any) -> object:
    """The value with its types, which equality ignores; sets have no order."""
    kind = cast("type[object]", type(value))
    parts: object = repr(value)
    if isinstance(value, set | frozenset):
        parts = sorted((shape(item) for item in cast("set[Any]", value)), key=repr)
    elif isinstance(value, list | tuple):
        parts = [shape(item) for item in cast("list[Any]", value)]
    elif isinstance(value, dict):
        parts = [(shape(key), shape(item)) for key, item in cast("dict[Any, Any]", value).items()]
    elif is_dataclass(value):
        parts = [shape(getattr(value, field.name)) for field in fields(value)]
    return kind, parts


@pytest.mark.parametrize(("name", "label"), ENTRIES)
def test_golden_bytes_are_read_as_what_they_are_today(name: str, label: str) -> None:
    entry, release = stored(name)[label], HISTORY[name]
    for value in (release.reader.loads(entry.dumped), release.reader.decode(*entry.encoded)):
        assert value == release.read[label]
        assert shape(value) == shape(release.read[label])


def test_every_file_is_known_and_complete() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.json" for name in HISTORY}
    assert {name: set(stored(name)) for name in HISTORY} == {name: set(HISTORY[name].read) for name in HISTORY}


def test_writing_is_a_command_that_overwrites_nothing(tmp_path: Path) -> None:
    written = write("release-1", tmp_path).read_text("ascii")
    assert json.loads(written).keys() == release_1.VALUES.keys()
    with pytest.raises(FileExistsError):
        write("release-1", tmp_path)
