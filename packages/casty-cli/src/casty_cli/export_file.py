"""The file of an export: written under a temporary name until it is complete, and read only when it is."""

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self, final

from casty.errors import JournalError
from casty.spi.journal import OrderedEvent, SnapshotRecord

from casty_cli.export_lines import Begin, End, Extent, Line, Walk, decode, sealed, survey
from casty_cli.paging import BYTES, LARGEST, Page

SUFFIX: Final = ".part"


@final
class ExportWriter:
    """Writes `FILE.part`, or continues one that an earlier process has left; `finish` renames it to `FILE`.

    Raises `JournalError` for a file that exists, is an export of another journal, or cannot be written.
    """

    def __init__(self, path: Path, journal: str) -> None:
        self._path = path
        self._part = path.with_name(path.name + SUFFIX)
        if path.exists():
            raise JournalError(f"{path} exists already; name another file, or remove this one")
        with self._explained():
            self._file = self._part.open("a+b")
        try:
            self.extent: Final[Extent] = self._intact(journal)
        except BaseException:
            self._file.close()
            raise
        self._seal = self.extent.walk.seal
        self._events = self.extent.events
        self._snapshots = self.extent.snapshots
        if self.extent.begin is None:
            self._write([Begin(journal)])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._explained():
            self._file.close()

    def write(self, page: Page) -> None:
        self._write(page)
        events = sum(isinstance(line, OrderedEvent) for line in page)
        self._events += events
        self._snapshots += len(page) - events

    def finish(self) -> End:
        """Write the last line, read everything back, and rename the file."""
        end = End(self._events, self._snapshots)
        if self.extent.end is None:
            self._write([end])
        with self._explained():
            os.fsync(self._file.fileno())
            self._file.seek(0)
            found = survey(self._file)
            if (found.end, found.walk.size) != (end, self._part.stat().st_size):
                raise JournalError(
                    f"{self._part} differs from what was written; remove it, check the disk, and export again"
                )
            self._part.replace(self._path)
            _sync_folder(self._path.parent)
        return end

    def _intact(self, journal: str) -> Extent:
        """The existing part, after everything from the first damaged line on was cut off."""
        with self._explained():
            self._file.seek(0)
            extent = survey(self._file)
            if extent.begin is None and self._part.stat().st_size:
                raise JournalError(
                    f"{self._part} is not an export that could be continued; remove it, or name another file"
                )
            if extent.begin is not None and extent.begin.journal != journal:
                raise JournalError(
                    f"{self._part} is the beginning of an export of {extent.begin.journal}, not of {journal}; name "
                    "another file, or remove it"
                )
            self._file.truncate(extent.walk.size)
        return extent

    def _write(self, lines: Iterable[Line]) -> None:
        written, self._seal = sealed(lines, self._seal)
        with self._explained():
            self._file.write(written)
            self._file.flush()

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise JournalError(
                f"cannot write {self._part}: {error.strerror}; fix that and run the same command again: it continues "
                "where it stopped"
            ) from error


def surveyed(path: Path) -> Extent:
    """The extent of an export. Raises `JournalError` unless it is complete and intact."""
    try:
        with path.open("rb") as file:
            extent = survey(file)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise JournalError(f"cannot read {path}: {error.strerror}") from error
    except JournalError as error:
        raise JournalError(f"{path} cannot be imported: {error}") from None
    if extent.begin is None:
        raise JournalError(f"{path} is not an export of a journal, or its first line is damaged")
    if extent.walk.size < size:
        raise JournalError(
            f"{path} is damaged: line {extent.walk.lines + 1} does not match its checksum; nothing was imported; use "
            "another copy, or export again"
        )
    if extent.end != End(extent.events, extent.snapshots):
        raise JournalError(
            f"{path} ends too soon, after {extent.events} events and {extent.snapshots} snapshots; nothing was "
            "imported; run the export again, which continues where it stopped, or use another copy"
        )
    return extent


def pages(path: Path) -> Iterator[Page]:
    """The events and snapshots of an export, in its order."""
    page: list[OrderedEvent | SnapshotRecord] = []
    size = 0
    with path.open("rb") as file:
        for body in Walk().bodies(file):
            match decode(body):
                case OrderedEvent() | SnapshotRecord() as line:
                    page.append(line)
                    size += len(body)
                case Begin():
                    continue
                case End():
                    if page:
                        yield page
                    return
            if len(page) == LARGEST or size >= BYTES:
                yield page
                page, size = [], 0
    raise JournalError(f"{path} was changed while it was imported; run the same command again")


def _sync_folder(folder: Path) -> None:
    """Make a new name survive a power cut, if the system can do that."""
    with suppress(PermissionError):  # Windows cannot open folders
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
