"""What is inside the wheels: modules, licence, type marker, metadata and entry points."""

import email
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.architecture.source import DISTRIBUTIONS, PLUGINS, ROOT, pyproject

PACKAGES = {folder.name.replace("-", "_"): folder for folder in DISTRIBUTIONS}
FOLDERS = {"casty": ROOT, **PACKAGES}

each_wheel = pytest.mark.parametrize("name", FOLDERS)
each_package = pytest.mark.parametrize("name", PACKAGES)
each_plugin = pytest.mark.parametrize("name", [folder.name.replace("-", "_") for folder in PLUGINS])


def dist_info(wheel: Path) -> str:
    return "-".join(wheel.name.split("-")[:2]) + ".dist-info"


def contents(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        return email.message_from_bytes(archive.read(f"{dist_info(wheel)}/METADATA"))


def modules(wheel: Path) -> set[str]:
    return {name for name in contents(wheel) if not name.startswith(dist_info(wheel))}


def sources(folder: Path) -> set[str]:
    src = folder / "src"
    kept = (path for path in src.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(src).as_posix() for path in kept}


def test_there_is_a_wheel_for_each_distribution(wheels: dict[str, Path]) -> None:
    assert wheels.keys() == FOLDERS.keys()


@each_wheel
def test_wheel_has_the_licence(wheels: dict[str, Path], name: str) -> None:
    assert f"{dist_info(wheels[name])}/licenses/LICENSE" in contents(wheels[name])


@each_package
def test_wheel_has_the_whole_package_and_nothing_else(wheels: dict[str, Path], name: str) -> None:
    assert modules(wheels[name]) == sources(PACKAGES[name])
    assert any(path.endswith("/py.typed") for path in modules(wheels[name]))


def test_root_wheel_has_no_modules(wheels: dict[str, Path]) -> None:
    assert modules(wheels["casty"]) == set()


@each_plugin
def test_wheel_announces_its_plugin(wheels: dict[str, Path], name: str) -> None:
    declared = pyproject(PACKAGES[name])["project"]["entry-points"]
    with ZipFile(wheels[name]) as archive:
        written = archive.read(f"{dist_info(wheels[name])}/entry_points.txt").decode()
    for group, entries in declared.items():
        assert f"[{group}]" in written
        for entry, target in entries.items():
            assert f"{entry} = {target}" in written


@each_wheel
def test_wheel_describes_itself(wheels: dict[str, Path], name: str) -> None:
    described = metadata(wheels[name])
    assert described["Name"] == name.replace("_", "-")
    assert described["License-Expression"] == "MIT"
    assert described["Requires-Python"] == ">=3.12"
    assert described["Description-Content-Type"] == "text/markdown"


def test_core_needs_pluggy_and_msgpack_only(wheels: dict[str, Path]) -> None:
    needs = metadata(wheels["casty_core"]).get_all("Requires-Dist", [])
    assert sorted(need.partition(">")[0] for need in needs) == ["msgpack", "pluggy"]


def test_root_wheel_names_the_distributions_and_the_extras(wheels: dict[str, Path]) -> None:
    described = metadata(wheels["casty"])
    version = described["Version"]
    assert set(described.get_all("Requires-Dist", [])) == {
        f"casty-core=={version}",
        f"casty-cluster=={version}",
        f"casty-transport-tcp=={version}",
        f"casty-journal-sqlite=={version}; extra == 'sqlite'",
        f"casty-journal-postgres=={version}; extra == 'postgres'",
        f"casty-cli=={version}; extra == 'cli'",
        "uvloop>=0.21; (sys_platform != 'win32') and extra == 'uvloop'",
        f"casty-cli=={version}; extra == 'all'",
        f"casty-journal-sqlite=={version}; extra == 'all'",
        f"casty-journal-postgres=={version}; extra == 'all'",
    }
    assert set(described.get_all("Provides-Extra", [])) == {
        "sqlite",
        "postgres",
        "cli",
        "uvloop",
        "all",
        "cluster",
        "tcp",
    }
