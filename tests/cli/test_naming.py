"""A journal is named by an argument, by `--url`, or by the configuration."""

from pathlib import Path

from tests.cli.commands import complaint, journal
from tests.cli.histories import Place, deposits


def test_an_argument_names_the_journal_as_the_option_does(sqlite: Place) -> None:
    sqlite.write(deposits("a", 1, 2))
    for command in (("ids",), ("show", "a"), ("stats",), ("verify",)):
        printed = journal(*command, sqlite.url)
        assert printed == journal(*command, "--url", sqlite.url) == journal(*command, sqlite.url, "--url", sqlite.url)


def test_two_journals_are_one_too_many(sqlite: Place) -> None:
    line = complaint("ids", sqlite.url, "--url", "sqlite:///other.db", code=2)
    assert line == f"casty: two journals are named, {sqlite.url} and --url sqlite:///other.db; name one of them"


def test_the_journal_may_stand_before_the_entity_or_the_file(sqlite: Place, tmp_path: Path) -> None:
    sqlite.write(deposits("a", 1, 2))
    assert journal("show", sqlite.url, "a") == journal("show", "a", sqlite.url)
    journal("export", "one.export", sqlite.url)
    journal("export", sqlite.url, "two.export")
    assert (tmp_path / "two.export").read_bytes() == (tmp_path / "one.export").read_bytes()


def test_an_entity_may_look_like_a_url(sqlite: Place) -> None:
    entity = "https://example.com/orders/7"
    sqlite.write(deposits(entity, 1, 2))
    assert len(journal("show", entity, sqlite.url).splitlines()) == 2


def test_the_configured_journal_is_the_default(sqlite: Place, tmp_path: Path) -> None:
    sqlite.write(deposits("a", 1, 2))
    (tmp_path / "casty.toml").write_text(f'[journal]\nurl = "{sqlite.url}"\n')
    assert journal("ids") == "a\n"
    assert journal("show", "a") == journal("show", "a", sqlite.url)
    assert journal("export", "a.export").startswith("a.export: 2 events")
    assert journal("import", "a.export").startswith(f"{sqlite.url} has all 2 events")
    other = f"sqlite:///{tmp_path}/other.db"
    journal("import", sqlite.url, other)
    assert journal("import", other).startswith(f"{sqlite.url} has all 2 events")
