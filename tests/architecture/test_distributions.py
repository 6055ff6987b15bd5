"""The seven distributions belong together: one version, the same files, entry points that exist."""

import re
from pathlib import Path

import pytest

from tests.architecture.source import DISTRIBUTIONS, PLUGINS, ROOT, import_package, pyproject

ALL = (ROOT, *DISTRIBUTIONS)
OURS = re.compile(r"(casty(?:-[a-z-]+)?)(?:\[[\w,]+\])?\s*(.*)")

each_distribution = pytest.mark.parametrize(
    "folder", ALL, ids=lambda folder: folder.name if folder != ROOT else "casty"
)
each_package = pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
each_plugin = pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)


def requirements(folder: Path) -> list[str]:
    project = pyproject(folder)["project"]
    groups = [project.get("dependencies", []), *project.get("optional-dependencies", {}).values()]
    return [needed for group in groups for needed in group]


def test_there_are_seven() -> None:
    assert [pyproject(folder)["project"]["name"] for folder in ALL] == [
        "casty",
        "casty-cli",
        "casty-cluster",
        "casty-core",
        "casty-journal-postgres",
        "casty-journal-sqlite",
        "casty-transport-tcp",
    ]


@each_distribution
def test_one_version_for_all(folder: Path) -> None:
    version = pyproject(ROOT)["project"]["version"]
    assert pyproject(folder)["project"]["version"] == version
    pins = {match[1]: match[2] for needed in requirements(folder) if (match := OURS.fullmatch(needed))}
    assert set(pins.values()) <= {f"=={version}"}, pins


@each_distribution
def test_the_same_promises(folder: Path) -> None:
    project = pyproject(folder)["project"]
    assert project["requires-python"] == ">=3.12"
    assert project["license"] == "MIT"
    assert pyproject(folder)["build-system"]["build-backend"] == "hatchling.build"
    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


@each_distribution
def test_readme_says_what_it_is_and_how_to_get_it(folder: Path) -> None:
    title, _, body = (folder / "README.md").read_text().partition("\n")
    assert title.lower() == f"# {pyproject(folder)['project']['name']}"
    assert "pip install" in body


@each_package
def test_package_is_typed(folder: Path) -> None:
    assert (folder / "src" / import_package(folder) / "py.typed").is_file()


@each_plugin
def test_entry_points_exist(folder: Path) -> None:
    groups = pyproject(folder)["project"]["entry-points"]
    assert "casty" in groups
    for target in (target for group in groups.values() for target in group.values()):
        path = folder.joinpath("src", *target.partition(":")[0].split("."))
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), target


def test_root_offers_each_backend_as_an_extra() -> None:
    extras = {
        name: [OURS.fullmatch(needed) for needed in needs]
        for name, needs in pyproject(ROOT)["project"]["optional-dependencies"].items()
    }
    assert {name: sorted(match[1] for match in matches if match) for name, matches in extras.items()} == {
        "sqlite": ["casty-journal-sqlite"],
        "postgres": ["casty-journal-postgres"],
        "cli": ["casty-cli"],
        "uvloop": [],
        "all": ["casty-cli", "casty-journal-postgres", "casty-journal-sqlite"],
        "cluster": [],
        "tcp": [],
    }


def test_changelog_knows_the_version() -> None:
    version = pyproject(ROOT)["project"]["version"]
    assert re.search(rf"^## {re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
