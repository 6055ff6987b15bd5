"""The commands of `casty journal` and their options. The other modules implement them."""

import logging
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from casty_cli.exporting import export_journal
from casty_cli.importing import copy_journal, import_file
from casty_cli.listing import SHOWN, View, count_ids, list_ids, show_entity
from casty_cli.naming import in_either_order, is_url, one_of, source_and_target
from casty_cli.settings import NamedJournal, Settings, import_types
from casty_cli.statistics import show_statistics
from casty_cli.terminal import FAILED, Saying, run
from casty_cli.values import Values
from casty_cli.verifying import verify_journal

app = typer.Typer(
    help="Inspect, move and verify a journal. Commands that read change nothing, and work next to a running node.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Journal = Annotated[
    str | None,
    typer.Argument(
        metavar="JOURNAL", help="Its URL, such as sqlite:///events.db; default: [journal] url of casty.toml."
    ),
]
Url = Annotated[str | None, typer.Option(metavar="URL", help="The same as JOURNAL.")]
Config = Annotated[
    str | None, typer.Option(metavar="FILE", help="The configuration file; default: the casty.toml that is found.")
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="KEY=VALUE", help="An option of the journal, such as schema=bank. Repeatable."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON: one document, or one per line of a list.")]
Types = Annotated[
    list[str] | None,
    typer.Option(metavar="MODULE", help="Import this module first, to know its types. Repeatable."),
]

GO_ON: Final = "interrupted; run the same command again: it continues where it stopped"


@app.command()
def ids(
    journal: Journal = None,
    *,
    prefix: Annotated[str, typer.Option(help="Only ids with this prefix.")] = "",
    count: Annotated[bool, typer.Option("--count", help="Print only their number.")] = False,
    url: Url = None,
    option: Options = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """List the entities that have events, one per line."""
    work = count_ids if count else list_ids
    run(lambda: work(Settings(config).journal(one_of(journal, url), option or ()), prefix, as_json=json))


@app.command()
def show(
    entity: Annotated[str, typer.Argument(metavar="ENTITY", help="The entity's id.")],
    journal: Journal = None,
    *,
    first: Annotated[int, typer.Option("--from", help="The first event's number.")] = 1,
    last: Annotated[int | None, typer.Option("--to", help="The last event's number.")] = None,
    limit: Annotated[int, typer.Option(help="The largest number of events to show.")] = SHOWN,
    raw: Annotated[bool, typer.Option("--raw", help="Show the stored bytes, and their writers.")] = False,
    types: Types = None,
    url: Url = None,
    option: Options = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show an entity's events and snapshots: as Python values with --types, else as they are stored."""

    async def work() -> None:
        settings = Settings(config)
        entity_id, place = in_either_order(entity, journal)
        source = settings.journal(one_of(place, url), option or ())
        view = View(_values(settings, source, types), raw=raw, as_json=json)
        await show_entity(source, entity_id, view, first=first, last=last, limit=limit)

    run(work)


@app.command()
def stats(
    journal: Journal = None,
    *,
    url: Url = None,
    option: Options = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Count events, entities, types and tags. Reads everything."""
    run(lambda: show_statistics(Settings(config).journal(one_of(journal, url), option or ()), as_json=json))


@app.command()
def export(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file to create.")],
    journal: Journal = None,
    *,
    url: Url = None,
    option: Options = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Write all events and snapshots into a file. Until it is complete it is FILE.part; run again to continue."""

    async def work() -> None:
        path, place = in_either_order(file, journal)
        source = Settings(config).journal(one_of(place, url), option or ())
        await export_journal(source, Path(path), as_json=json)

    run(work, when_interrupted=GO_ON)


@app.command(name="import")
def import_(
    origin: Annotated[
        str | None, typer.Argument(metavar="FROM", help="A file written by `export`, or a journal's URL.")
    ] = None,
    journal: Journal = None,
    *,
    from_url: Annotated[str | None, typer.Option(metavar="URL", help="The same as FROM.")] = None,
    from_option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="An option of that journal. Repeatable.")
    ] = None,
    url: Url = None,
    option: Options = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Store the events and snapshots of a file or another journal. Stored ones are kept; run again to continue."""

    async def work() -> None:
        settings = Settings(config)
        source, target = source_and_target(origin, journal, from_url, url)
        store = settings.journal(target, option or ())
        if is_url(source):
            await copy_journal(store, settings.journal(source, from_option or ()), as_json=json)
        else:
            await import_file(store, Path(source), as_json=json)

    run(work, when_interrupted=GO_ON)


@app.command()
def verify(
    journal: Journal = None,
    *,
    types: Types = None,
    url: Url = None,
    option: Options = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Look for gaps, damage, and events that cannot be decoded. Exits with 1 if there are any."""

    async def work() -> bool:
        settings = Settings(config)
        source = settings.journal(one_of(journal, url), option or ())
        return await verify_journal(source, _values(settings, source, types), as_json=json)

    if not run(work):
        raise typer.Exit(FAILED)


def journal(arguments: Sequence[str]) -> int:
    """Run `casty journal`. Ends with `SystemExit`, whose code is 1 for failures and findings, and 2 for
    a wrong command line or configuration.
    """
    logging.basicConfig(level=logging.WARNING, handlers=[Saying()])
    if isinstance(sys.stdout, TextIOWrapper):
        cast(Any, sys.stdout).reconfigure(errors="backslashreplace")  # ids may hold any character
    app(args=arguments, prog_name="casty journal")
    return 0


def _values(settings: Settings, source: NamedJournal, types: Sequence[str] | None) -> Values:
    import_types(types or ())
    return Values(settings.serializers(source))
