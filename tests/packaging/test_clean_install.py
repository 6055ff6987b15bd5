"""The wheels in environments of their own: the slim install, and everything."""

import json
import re

import pytest

from tests.architecture.source import ROOT, pyproject
from tests.packaging.environment import CleanEnvironment

WRITE_ONE_EVENT = """
import asyncio
from casty import PersistedEvent
from casty.journal import SqliteJournal

async def main():
    async with SqliteJournal("events.db") as journal:
        await journal.persist("account", [PersistedEvent(1, "opened", 0.0)])

asyncio.run(main())
"""

COMMANDS = (
    (("ids", "sqlite:///events.db"), "account\n"),
    (("show", "account", "sqlite:///events.db"), "     1  1970-01-01T00:00:00.000Z  -  'opened'\n"),
    (
        ("export", "events.export", "sqlite:///events.db"),
        "events.export: 1 events and 0 snapshots of sqlite:///events.db\n",
    ),
    (
        ("import", "events.export", "sqlite:///copy.db"),
        "sqlite:///copy.db has all 1 events and 0 snapshots of events.export\n",
    ),
    (
        ("verify", "sqlite:///copy.db"),
        "sqlite:///copy.db: 1 events of 1 entities and 0 snapshots; findings: none\n",
    ),
)

ALL = {
    "casty",
    "casty-cli",
    "casty-cluster",
    "casty-core",
    "casty-journal-postgres",
    "casty-journal-sqlite",
    "casty-transport-tcp",
}
VERSION: str = pyproject(ROOT)["project"]["version"]

INSTALLED = "import importlib.metadata as m, json; print(json.dumps([d.name for d in m.distributions()]))"


def installed(environment: CleanEnvironment) -> set[str]:
    return set(json.loads(environment.run("-c", INSTALLED).stdout))


def test_core_alone_brings_nothing_else(core_alone: CleanEnvironment) -> None:
    assert installed(core_alone) == {"casty-core", "msgpack", "pluggy"}


def test_core_alone_can_be_imported_and_used(core_alone: CleanEnvironment) -> None:
    run = core_alone.run("-W", "error", "-c", "from casty import ActorSystem, Behaviors; print(Behaviors.same())")
    assert run.returncode == 0, run.stderr


def test_core_alone_runs_the_program_of_its_readme(core_alone: CleanEnvironment) -> None:
    readme = (ROOT / "packages" / "casty-core" / "README.md").read_text()
    (program,) = re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    run = core_alone.run("-W", "error", "-c", program)
    assert run.stdout == "3\n", run.stderr


def test_core_alone_lists_its_plugins(core_alone: CleanEnvironment) -> None:
    run = core_alone.command("plugins")
    assert run.returncode == 0, run.stderr
    assert "memory" in run.stdout
    assert "casty-cluster" not in run.stdout


def test_core_alone_says_what_the_commands_for_journals_need(core_alone: CleanEnvironment) -> None:
    run = core_alone.command("journal", "ids", "sqlite:///events.db")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == 'casty: casty_cli is not installed; run: pip install "casty[cli]"\n'
    assert "journal" in core_alone.command("--help").stdout


def test_the_command_line_needs_no_more_than_its_extra(command_line: CleanEnvironment) -> None:
    """The journals that it is to look into come by extras of their own."""
    assert not {"casty-journal-sqlite", "casty-journal-postgres"} & installed(command_line)
    run = command_line.run("-W", "error", "-m", "casty", "journal", "ids", "sqlite:///events.db")
    assert (run.returncode, run.stdout) == (2, "")
    assert 'install it with: pip install "casty[sqlite]"' in run.stderr


def test_the_command_line_works_on_the_oldest_libraries_that_it_accepts(oldest: CleanEnvironment) -> None:
    run = oldest.run("-c", WRITE_ONE_EVENT)
    assert run.returncode == 0, run.stderr
    for command, printed in COMMANDS:
        run = oldest.command("journal", *command)
        assert (run.returncode, run.stdout, run.stderr) == (0, printed, "")


@pytest.mark.parametrize(
    ("statement", "package", "extra"),
    [
        ("from casty.sharding import ClusteredActorSystem", "casty_cluster", "cluster"),
        ("from casty.cluster import DevelopmentCluster", "casty_cluster", "cluster"),
        ("from casty.journal import SqliteJournal", "casty_journal_sqlite", "sqlite"),
        ("from casty.journal import PostgresJournal", "casty_journal_postgres", "postgres"),
    ],
)
def test_closed_door_names_the_extra(core_alone: CleanEnvironment, statement: str, package: str, extra: str) -> None:
    run = core_alone.run("-c", statement)
    assert run.stderr.strip().endswith(
        f'ModuleNotFoundError: {package} is not installed; run: pip install "casty[{extra}]"'
    )


def test_shared_structures_come_with_the_core(core_alone: CleanEnvironment) -> None:
    run = core_alone.run("-W", "error", "-c", "from casty.distributed import Distributed, LockGrant")
    assert (run.returncode, run.stderr) == (0, "")


def test_everything_can_be_imported(everything: CleanEnvironment) -> None:
    """With the plugins, which only their entry points name."""
    run = everything.run(
        "-W",
        "error",
        "-c",
        "import casty, casty_cli, casty_cluster, casty_transport_tcp, casty_journal_sqlite, casty_journal_postgres\n"
        "from importlib.metadata import entry_points\n"
        "print(sorted(entry.name for entry in entry_points(group='casty') if entry.load()))",
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "['builtin', 'cluster', 'postgres', 'sqlite', 'tcp']"


def test_everything_brings_all_seven_and_the_command_names_them(everything: CleanEnvironment) -> None:
    assert {name for name in installed(everything) if name.startswith("casty")} == ALL
    run = everything.command("--version")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines()[:-1] == [f"{name} {VERSION}" for name in sorted(ALL)]


def test_the_wheels_are_newer_than_the_unrelated_package_of_the_name() -> None:
    """Of the name `casty` another package is public, as 0.30: pip takes the highest version that it finds."""
    assert tuple(map(int, VERSION.split("."))) > (0, 30)
