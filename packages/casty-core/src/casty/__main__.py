"""`python -m casty`, the command line. It needs only the core: a slim install has no terminal library, and the commands
that want one are behind a door.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata

from casty._doors import CLI, resolve
from casty.config import load_config
from casty.errors import CastyError
from casty.plugins.collect import make_catalog
from casty.plugins.listing import Row, rows
from casty.plugins.loader import load_plugins

USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code: 0, or 2 for a wrong command line or configuration; those of `journal`
    have more.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        if given[:1] == ["journal"]:
            return resolve(__name__, "journal", {"journal": CLI})(given[1:])
        parser = _parser()
        chosen = parser.parse_args(given)
        if chosen.command is None:
            parser.print_help()
            return 0
        return _plugins(config=chosen.config, as_json=chosen.json)
    except (CastyError, ModuleNotFoundError) as error:
        print(f"casty: {error}", file=sys.stderr)
        return USAGE_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m casty", description="Casty, a typed actor framework.")
    parser.add_argument("--version", action="version", version=f"casty-core {_version()}")
    commands = parser.add_subparsers(dest="command", title="commands")
    plugins = commands.add_parser("plugins", help="list the plugins that are installed, and their state")
    plugins.add_argument("--config", metavar="FILE", help="read [plugins] disabled from here, not from casty.toml")
    plugins.add_argument("--json", action="store_true", help="print a JSON array of objects")
    about_journals = "look into a journal, export, import or verify it (needs casty[cli])"
    commands.add_parser("journal", help=about_journals)  # for the help alone: what follows it is not read here
    return parser


def _version() -> str:
    try:
        return metadata.version("casty-core")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _plugins(*, config: str | None, as_json: bool) -> int:
    # Not through a registry, which would log the faults that the listing shows.
    listed = rows(make_catalog(load_plugins(load_config(config).plugins.disabled)))
    print(json.dumps([asdict(row) for row in listed], indent=2) if as_json else _table(listed))
    return 0


def _table(listed: Sequence[Row]) -> str:
    """Aligned columns under their titles."""
    titles = ("DISTRIBUTION", "VERSION", "KIND", "NAMES", "SPI", "STATE")
    lines = [titles, *map(_cells, listed)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    spi = "-" if row.spi is None else str(row.spi)
    names = ", ".join(row.names)
    return (row.distribution, row.version or "-", row.kind or "-", names or "-", spi, row.state)


if __name__ == "__main__":
    sys.exit(main())
