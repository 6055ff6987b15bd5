"""`verify` finds what is wrong, names it, and finds nothing where nothing is."""

import asyncio
import sqlite3
from contextlib import closing
from subprocess import CompletedProcess
from typing import Any

from tests.cli.commands import documents, finished, journal
from tests.cli.histories import Place, balance, deposited, deposits
from tests.journal_postgres.server import connected


def spoil(place: Place, *statements: str) -> None:
    with closing(sqlite3.connect(place.url.removeprefix("sqlite:///"))) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def verified(place: Place, *, code: int) -> dict[str, Any]:
    (document,) = documents(journal("verify", "--json", *place.arguments, code=code))
    return document


def verified_with_types(place: Place) -> "CompletedProcess[str]":
    """In a process of its own: what it imports stays there."""
    return finished("verify", "--json", "--types", "tests.cli.bank", *place.arguments)


def places(document: dict[str, Any]) -> list[tuple[str | None, int | None, str]]:
    """Entity, number and what is said of each finding."""
    return [(finding["entity_id"], finding["sequence_nr"], finding["problem"]) for finding in document["findings"]]


def found(place: Place) -> list[tuple[str | None, int | None, str]]:
    """There must be one at least, by the exit code."""
    return places(verified(place, code=1))


def test_a_sound_journal_has_no_findings(place: Place) -> None:
    place.write_bank()
    contents = place.contents()
    run = verified_with_types(place)
    assert (run.returncode, run.stderr) == (0, "")
    assert documents(run.stdout)[0] == {
        "journal": place.url,
        "entities": len(contents.highest),
        "events": len(contents.events),
        "snapshots": len(contents.snapshots),
        "unknown_types": {},
        "findings": [],
        "more_findings": 0,
    }
    assert journal("verify", *place.arguments).endswith(": 18 events of 6 entities and 3 snapshots; findings: none\n")


def test_a_type_that_is_not_known_here_is_no_finding(sqlite: Place) -> None:
    sqlite.write(
        [deposited("a", 1)._replace(manifest="cli.Unheard"), deposited("a", 2)._replace(manifest="cli.Unheard")]
    )
    assert verified(sqlite, code=0)["unknown_types"] == {"cli.Unheard": 2}
    assert "2 of cli.Unheard were not decoded" in journal("verify", *sqlite.arguments)


def test_missing_events_are_found(sqlite: Place) -> None:
    sqlite.write(deposits("a", 1, 9), deposits("b", 1, 3))
    spoil(sqlite, "DELETE FROM events WHERE entity_id = 'a' AND sequence_nr BETWEEN 4 AND 6")
    assert found(sqlite) == [("a", 4, "the events from this one to 6 are missing; restore a backup")]
    assert journal("verify", *sqlite.arguments, code=1).splitlines()[0] == (
        "a: event 4: the events from this one to 6 are missing; restore a backup"
    )


async def delete_in_postgres(place: Place) -> None:
    async with connected(place.url) as admin:
        (schema,) = (option.removeprefix("schema=") for option in place.options)
        await admin.execute(f"DELETE FROM {schema}.events WHERE entity_id = 'a' AND sequence_nr = 2")


def test_missing_events_are_found_in_postgresql(postgres: Place) -> None:
    postgres.write(deposits("a", 1, 3))
    asyncio.run(delete_in_postgres(postgres))
    assert found(postgres) == [("a", 2, "the events from this one to 2 are missing; restore a backup")]


def test_damaged_events_are_found_among_sound_ones(sqlite: Place) -> None:
    sqlite.write(deposits("a", 1, 2_500), deposits("b", 1, 2))
    spoil(sqlite, "UPDATE events SET payload = x'00' WHERE entity_id = 'a' AND sequence_nr IN (1, 700, 701, 2500)")
    result = verified(sqlite, code=1)
    *damaged, order = result["findings"]
    assert [(finding["entity_id"], finding["sequence_nr"]) for finding in damaged] == [
        ("a", 1),
        ("a", 700),
        ("a", 701),
        ("a", 2500),
    ]
    assert all("do not match their checksum; restore a backup" in finding["problem"] for finding in damaged)
    assert order["problem"].startswith("after the offset 0 the order of all events cannot be read: event 1 of 'a'")
    assert result["events"] == 2_498


def test_an_epoch_that_falls_is_found(sqlite: Place) -> None:
    sqlite.write(deposits("a", 1, 4))
    spoil(sqlite, "UPDATE events SET epoch = CASE sequence_nr WHEN 2 THEN 7 WHEN 3 THEN 6 ELSE 0 END")
    ((entity_id, number, problem),) = found(sqlite)
    assert (entity_id, number) == ("a", 3)
    assert problem.startswith("w wrote it in epoch 6, when epoch 7 had begun")


def test_values_that_cannot_be_decoded_are_found(sqlite: Place) -> None:
    wrong = [deposited("a", 1)._replace(payload=b"\x80"), deposited("a", 2)._replace(version=9)]
    broken = deposited("a", 3)._replace(manifest="cli.Unheard", payload=b"\xc1")
    snapshot = balance("a", 3)._replace(payload=b"\xc1")
    sqlite.write([*wrong, broken, deposited("a", 4)], snapshots=[snapshot])
    run = verified_with_types(sqlite)
    assert (run.returncode, run.stderr) == (1, "")
    problems = places(documents(run.stdout)[0])
    assert [number for _, number, _ in problems] == [1, 2, 3, 3]
    assert [problem.partition(" cannot be decoded: ")[0] for _, _, problem in problems] == [
        "its value, cli.Deposited v2,",
        "its value, cli.Deposited v9,",
        "its value, cli.Unheard v2,",
        "its snapshot, a plain value,",
    ]
    assert "a newer program wrote it" in problems[1][2]


def test_a_header_that_is_damaged_is_found(sqlite: Place) -> None:
    sqlite.write([deposited("a", 1)._replace(event_id=b"short"), deposited("a", 2)._replace(version=0)])
    assert found(sqlite) == [
        ("a", 1, "its id is not 16 bytes long; restore a backup"),
        ("a", 2, "its version is below 1; restore a backup"),
    ]


def test_a_snapshot_that_the_store_passes_over_is_found(sqlite: Place) -> None:
    sqlite.write(deposits("a", 1, 5), snapshots=[balance("a", 2), balance("a", 4)])
    spoil(sqlite, "UPDATE snapshots SET payload = x'00' WHERE sequence_nr = 4")
    ((entity_id, number, problem),) = found(sqlite)
    assert (entity_id, number) == ("a", None)
    assert problem.startswith("the snapshot of 'a' at event 4 in ")
    assert verified(sqlite, code=1)["snapshots"] == 1


def test_a_snapshot_of_an_event_that_there_is_not_is_found(sqlite: Place) -> None:
    sqlite.write(deposits("a", 1, 5), snapshots=[balance("a", 6)])
    ((entity_id, number, problem),) = found(sqlite)
    assert (entity_id, number) == ("a", 6)
    assert problem.startswith("there is a snapshot of it, but the last event is number 5")


def test_an_order_against_the_numbers_is_found(sqlite: Place) -> None:
    sqlite.write(deposits("a", 1, 3))
    spoil(
        sqlite,
        "UPDATE events SET ordering = 100 WHERE sequence_nr = 1",
        "UPDATE events SET ordering = 1 WHERE sequence_nr = 2",
        "UPDATE events SET ordering = 2 WHERE ordering = 100",
    )
    ((entity_id, number, problem),) = found(sqlite)
    assert (entity_id, number) == ("a", 1)
    assert problem.startswith("in the order of all events it comes after event 2")


def test_very_many_findings_are_counted(sqlite: Place) -> None:
    sqlite.write([record._replace(event_id=b"short%d" % record.sequence_nr) for record in deposits("a", 1, 1_200)])
    result = verified(sqlite, code=1)
    assert (len(result["findings"]), result["more_findings"]) == (1_000, 200)
    assert "and 200 more findings" in journal("verify", *sqlite.arguments, code=1)
