"""Distributions that exist only for one test."""

import importlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Site:
    """A folder on `sys.path` that looks as an installer leaves it."""

    folder: Path

    def install(self, distribution: str, version: str, source: str | Mapping[str, str]) -> None:
        """A distribution with a plugin module for each entry of `source`; a text is the entry `plugin`."""
        modules = {"plugin": source} if isinstance(source, str) else source
        stem = distribution.replace("-", "_")
        info = self.folder / f"{stem}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = [f"{entry} = {stem}_{entry}" for entry in modules]
        (info / "entry_points.txt").write_text("\n".join(["[casty]", *lines, ""]))
        for entry, text in modules.items():
            (self.folder / f"{stem}_{entry}.py").write_text(text)
        importlib.invalidate_caches()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)  # pyright: ignore[reportUnknownMemberType]
    monkeypatch.delenv("CASTY_DISABLED_PLUGINS", raising=False)
    before = set(sys.modules)
    yield Site(folder)
    for name in set(sys.modules) - before:
        del sys.modules[name]


FIRST_PARTY = frozenset({"casty-cluster", "casty-transport-tcp", "casty-journal-sqlite", "casty-journal-postgres"})


@pytest.fixture
def core_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Only the core and what a test installs are found, whatever else this environment has."""
    installed = metadata.entry_points

    def without_ours(*, group: str) -> list[metadata.EntryPoint]:
        return [entry for entry in installed(group=group) if entry.dist and entry.dist.name not in FIRST_PARTY]

    monkeypatch.setattr(metadata, "entry_points", without_ours)
    return site
