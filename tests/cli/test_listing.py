"""`ids`, `show` and `stats`: what is printed of what is stored."""

import pytest

from tests.cli.commands import complaint, documents, finished, journal
from tests.cli.histories import MISSING, Place, balance, deposits

IDS = ["a", "b", "c", "plain", "trimmed", "žluťoučký kůň"]


def test_ids_are_listed_in_the_order_of_their_bytes(place: Place) -> None:
    place.write_bank()
    assert journal("ids", *place.arguments).splitlines() == IDS
    assert documents(journal("ids", "--json", *place.arguments)) == [{"entity_id": name} for name in IDS]


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("account", ["account", "account-1", "account-10", "account-2"]),
        ("account-1", ["account-1", "account-10"]),
        ("account-10", ["account-10"]),
        ("accounting", []),
        ("b", ["b"]),
    ],
)
def test_a_prefix_selects_ids(sqlite: Place, prefix: str, found: list[str]) -> None:
    sqlite.write(*(deposits(name, 1, 1) for name in ("a", "account-1", "account-10", "account-2", "account", "b")))
    assert journal("ids", "--prefix", prefix, *sqlite.arguments).splitlines() == found
    assert journal("ids", "--prefix", prefix, "--count", *sqlite.arguments) == f"{len(found)}\n"


def test_ids_beyond_a_page_are_listed_too(sqlite: Place) -> None:
    sqlite.write(*(deposits(f"{number:04}", 1, 1) for number in range(2_500)))
    assert journal("ids", *sqlite.arguments).splitlines() == [f"{number:04}" for number in range(2_500)]
    assert documents(journal("ids", "--count", "--json", *sqlite.arguments)) == [{"entities": 2_500}]


def test_an_id_that_would_disturb_a_terminal_is_quoted(sqlite: Place) -> None:
    sqlite.write(deposits("two\nlines", 1, 1), deposits("", 1, 1))
    assert journal("ids", *sqlite.arguments).splitlines() == ["''", "'two\\nlines'"]


def test_events_are_shown_as_they_are_written(place: Place) -> None:
    place.write_bank()
    lines = journal("show", "žluťoučký kůň", *place.arguments).splitlines()
    assert [line.split(maxsplit=4) for line in lines] == [
        ["1", "2023-11-14T22:13:21.125Z", "cli.Deposited", "v1", '{"amount": 1}'],
        ["2", "2023-11-14T22:13:22.125Z", "cli.Deposited", "v2", '{"amount": 2, "currency": "CZK"}  [even, grün]'],
    ]


def test_events_of_known_types_are_shown_as_values(sqlite: Place) -> None:
    sqlite.write_bank()
    command = ("show", "žluťoučký kůň", "--types", "tests.cli.bank", *sqlite.arguments)
    first_line, _ = finished(*command).stdout.splitlines()
    assert first_line.endswith("  Deposited(amount=1, currency='EUR')")
    first, _ = documents(finished(*command, "--json").stdout)
    assert first["event"]["content"] == {"amount": 1}
    assert first["event"]["value"] == "Deposited(amount=1, currency='EUR')"


def test_plain_values_need_no_type(sqlite: Place) -> None:
    sqlite.write_bank()
    assert journal("show", "plain", *sqlite.arguments).endswith("  -  'hello'\n")
    (shown,) = documents(journal("show", "plain", "--json", *sqlite.arguments))
    assert (shown["event"]["content"], shown["event"]["value"]) == ("hello", "'hello'")


def test_raw_shows_bytes_and_their_writers(sqlite: Place) -> None:
    sqlite.write_bank()
    (stored,) = (entry.record for entry in sqlite.contents().events if entry.record.entity_id == "plain")
    line = journal("show", "plain", "--raw", *sqlite.arguments)
    assert line.endswith(f"  a568656c6c6f  epoch 0 of w, id {stored.event_id.hex()}\n")
    (shown,) = documents(journal("show", "plain", "--raw", "--json", *sqlite.arguments))
    assert shown["event"] == {
        **stored._asdict(),
        "event_id": stored.event_id.hex(),
        "tags": [],
        "payload": "a568656c6c6f",
    }


def test_numbers_bound_what_is_shown(sqlite: Place) -> None:
    sqlite.write(deposits("a", 1, 9), snapshots=[balance("a", 2), balance("a", 4), balance("a", 8)])

    def shown(*arguments: str) -> list[int]:
        found = documents(journal("show", "a", "--json", *arguments, *sqlite.arguments))
        return [record["sequence_nr"] for document in found for record in document.values()]

    assert shown("--from", "3", "--to", "5") == [3, 4, 5, 4]
    assert shown("--limit", "2") == [1, 2, 8, 4, 2]
    assert shown("--from", "8") == [8, 9, 8]


def test_a_deleted_beginning_is_no_obstacle(sqlite: Place) -> None:
    sqlite.write_bank()
    found = documents(journal("show", "trimmed", "--json", *sqlite.arguments))
    assert [document["event"]["sequence_nr"] for document in found] == [MISSING + 1, MISSING + 2]


def test_an_entity_of_which_there_is_nothing_is_an_error(place: Place) -> None:
    place.write_bank()
    assert "has no entity 'A'" in complaint("show", "A", *place.arguments, code=1)


def test_statistics_count_everything(place: Place) -> None:
    place.write_bank()
    stored = [entry.record for entry in place.contents().events]
    (counted,) = documents(journal("stats", "--json", *place.arguments))
    assert counted == {
        "events": len(stored),
        "entities": len(IDS),
        "payload_bytes": sum(len(record.payload) for record in stored),
        "highest_offset": place.contents().events[-1].offset,
        "first_timestamp": stored[0].timestamp,
        "last_timestamp": stored[-1].timestamp,
        "manifests": {"cli.Deposited v2": len(stored) - 2, "cli.Deposited v1": 1, "(plain values)": 1},
        "tags": {"even": 8, "grün": 8},
    }
    text = journal("stats", *place.arguments)
    assert f"events            {len(stored)}\n" in text
    assert "           8  grün" in text


def test_statistics_of_an_empty_journal(sqlite: Place) -> None:
    sqlite.write()
    assert journal("stats", *sqlite.arguments).splitlines()[:2] == ["events            0", "entities          0"]
