"""Builds the wheels once and installs them into environments that have nothing else of ours."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, pyproject
from tests.packaging.environment import CleanEnvironment


@pytest.fixture(scope="session")
def wheels(uv: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel of each distribution, by the name that wheels use, for example `casty_core`."""
    dist = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [uv, "build", "--quiet", "--all-packages", "--wheel", "--python", sys.executable, "--out-dir", dist],
        cwd=ROOT,
        check=True,
        timeout=200,
    )
    return {path.name.partition("-")[0]: path for path in dist.glob("*.whl")}


@pytest.fixture(scope="session")
def install(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., CleanEnvironment]:
    """Installs wheels with what they need; paths, so that no index can provide others of their names."""

    def install(name: str, *wheels: str) -> CleanEnvironment:
        environment = CleanEnvironment(tmp_path_factory.mktemp(name) / "venv")
        subprocess.run(
            [uv, "venv", "--quiet", "--no-project", "--python", sys.executable, environment.folder],
            check=True,
        )
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--python", environment.python, *wheels],
            cwd=environment.folder,
            check=True,
        )
        return environment

    return install


@pytest.fixture(scope="session")
def core_alone(install: Callable[..., CleanEnvironment], wheels: dict[str, Path]) -> CleanEnvironment:
    return install("core", str(wheels["casty_core"]))


@pytest.fixture(scope="session")
def command_line(install: Callable[..., CleanEnvironment], wheels: dict[str, Path]) -> CleanEnvironment:
    return install("cli", str(wheels["casty_core"]), str(wheels["casty_cli"]))


@pytest.fixture(scope="session")
def oldest(install: Callable[..., CleanEnvironment], wheels: dict[str, Path]) -> CleanEnvironment:
    """The command line and the SQLite journal, with the oldest terminal libraries that the former accepts."""
    needs = pyproject(ROOT / "packages" / "casty-cli")["project"]["dependencies"]
    oldest = [need.replace(">=", "==") for need in needs if not need.startswith("casty")]
    return install(
        "oldest", *(str(wheels[name]) for name in ("casty_core", "casty_cli", "casty_journal_sqlite")), *oldest
    )


@pytest.fixture(scope="session")
def everything(install: Callable[..., CleanEnvironment], wheels: dict[str, Path]) -> CleanEnvironment:
    """`casty[all]`."""
    others = [str(path) for name, path in wheels.items() if name != "casty"]
    return install("everything", f"casty[all] @ {wheels['casty'].as_uri()}", *others)
