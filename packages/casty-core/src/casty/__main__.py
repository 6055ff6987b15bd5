"""The command `casty`, the same as `python -m casty`. It needs only the core: a slim install has no terminal library,
so the commands that need one are imported from `casty-cli` when they are called.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from io import TextIOBase

from casty._doors import CLI, resolve
from casty.config import load_config
from casty.errors import CastyError
from casty.plugins.listing import Row, rows
from casty.plugins.loader import load_plugins, make_catalog

FAILED = 1
USAGE_ERROR = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 1 for output that could not be written, 2 for a wrong command line
    or configuration, 130 after Ctrl-C. `plugins --check` and the commands of `journal` also exit with 1 on findings.
    """
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except (CastyError, ModuleNotFoundError) as error:
        return _fail(str(error), USAGE_ERROR)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        _discard_output()
        return FAILED
    except OSError as error:
        _discard_output()
        return _fail(f"cannot write the result: {error.strerror or error}", FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)


def _run(arguments: Sequence[str]) -> int:
    try:
        if arguments[:1] == ["journal"]:
            return resolve(__name__, "journal", {"journal": CLI})(arguments[1:])
        parser = _parser()
        chosen = parser.parse_args(arguments)
        if chosen.version:
            print(*_versions(), sep="\n")
        elif chosen.command is None:
            parser.print_help()
        else:
            listed = _listed(chosen.config)
            print(json.dumps([asdict(row) for row in listed], indent=2) if chosen.json else _table(listed))
            return FAILED if chosen.check and not all(row.ok for row in listed) else 0
        return 0
    finally:
        # Flush while an error can still be handled: at exit it would be a traceback. Also after SystemExit.
        if isinstance(sys.stdout, TextIOBase):  # None if the process has no standard output
            sys.stdout.flush()


def _fail(problem: str, code: int) -> int:
    with suppress(OSError):  # its reader is gone
        print(f"casty: {problem}", file=sys.stderr)
    return code


def _discard_output() -> None:
    """Drop buffered output: it has no reader, and would fail again at the interpreter's exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="casty", description="Casty, a typed actor framework.")
    parser.add_argument("--version", action="store_true", help="print the installed versions, and exit")
    commands = parser.add_subparsers(dest="command", title="commands")
    plugins = commands.add_parser("plugins", help="list the installed plugins and their state")
    plugins.add_argument("--config", metavar="FILE", help="read [plugins] disabled from here, not from casty.toml")
    plugins.add_argument("--json", action="store_true", help="print a JSON array of objects")
    plugins.add_argument("--check", action="store_true", help="exit with 1 if a plugin has failed or conflicts")
    about_journals = "inspect, export, import or verify a journal (needs casty[cli])"
    commands.add_parser("journal", help=about_journals)  # only for the help: casty-cli parses its arguments
    return parser


def _versions() -> list[str]:
    """The versions of Casty's distributions, one per line, and of the interpreter."""
    versions: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = distribution.name
        if name == "casty" or name.startswith("casty-"):
            versions.setdefault(name, distribution.version)  # the first on the path is the one that is imported
    python = f"Python {platform.python_version()}"
    return [*(f"{name} {version}" for name, version in sorted(versions.items())), python]


def _listed(config: str | None) -> list[Row]:
    # Not through a registry, which would log the faults that the listing shows.
    return rows(make_catalog(load_plugins(load_config(config).plugins.disabled)))


def _table(listed: Sequence[Row]) -> str:
    """Aligned columns under their titles."""
    titles = ("DISTRIBUTION", "VERSION", "ENTRY", "KIND", "NAMES", "SPI", "STATE")
    lines = [titles, *map(_cells, listed)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    spi = "-" if row.spi is None else str(row.spi)
    names = ", ".join(row.names)
    return (row.distribution, row.version or "-", row.entry, row.kind or "-", names or "-", spi, row.state)


if __name__ == "__main__":
    sys.exit(main())
