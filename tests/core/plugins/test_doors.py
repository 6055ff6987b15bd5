"""Doors: what they offer, and what they say where a distribution is missing, broken or too old."""

import importlib
import sys
from pathlib import Path

import casty.cluster
import casty.distributed
import casty.sharding
import pytest
from casty.behaviors.clustered import ServiceKey, ShardEnvelope
from casty.replication import ReplicationConfig

LAZY = [
    ("casty.sharding", "ClusteredActorSystem"),
    ("casty.cluster", "ClusteredActorSystem"),
    ("casty.cluster", "DevelopmentCluster"),
    ("casty.cluster", "HashRing"),
    ("casty.cluster", "ClusterClient"),
]


def without(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # pyright: ignore[reportArgumentType]


def fake(monkeypatch: pytest.MonkeyPatch, folder: Path, package: str, source: str) -> None:
    """Put a package of ours in the place of the real one."""
    (folder / f"{package}.py").write_text(source)
    monkeypatch.syspath_prepend(folder)  # pyright: ignore[reportUnknownMemberType]
    without(monkeypatch, package)
    del sys.modules[package]


@pytest.mark.parametrize(("door", "name"), LAZY)
def test_a_missing_distribution_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, door: str, name: str
) -> None:
    without(monkeypatch, "casty_cluster")
    with pytest.raises(ModuleNotFoundError) as raised:
        getattr(importlib.import_module(door), name)
    assert str(raised.value) == 'casty_cluster is not installed; run: pip install "casty[cluster]"'
    assert raised.value.name == "casty_cluster"


def test_the_text_survives_an_import_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "casty_cluster")
    with pytest.raises(ModuleNotFoundError, match=r'run: pip install "casty\[cluster\]"$'):
        exec("from casty.sharding import ClusteredActorSystem")


def test_a_dependency_that_the_distribution_misses_is_not_taken_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake(monkeypatch, tmp_path, "casty_cluster", "import a_library_that_is_not_there")
    with pytest.raises(ModuleNotFoundError) as raised:
        _ = casty.cluster.HashRing
    assert raised.value.name == "a_library_that_is_not_there"
    assert "pip install" not in str(raised.value)


def test_a_distribution_that_lacks_the_name_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake(monkeypatch, tmp_path, "casty_cluster", "")
    expected = r"^this version of casty-cluster \(\d[\w.]+\) has no ClusteredActorSystem yet$"
    with pytest.raises(ImportError, match=expected):
        exec("from casty.cluster import ClusteredActorSystem")
    with pytest.raises(ImportError, match=expected):
        _ = casty.sharding.ClusteredActorSystem


def test_a_lazy_name_is_the_distributions_own_object(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake(monkeypatch, tmp_path, "casty_cluster", "class HashRing: ...\n")
    package = importlib.import_module("casty_cluster")
    assert casty.cluster.HashRing is package.HashRing


@pytest.mark.parametrize("door", [casty.cluster, casty.sharding, casty.distributed])
def test_any_other_name_is_an_ordinary_attribute_error(door: object) -> None:
    with pytest.raises(AttributeError, match=r"^module 'casty\.\w+' has no attribute 'nonsense'$"):
        _ = door.nonsense  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
    assert not hasattr(door, "nonsense")


def test_the_cores_own_values_need_no_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "casty_cluster")
    assert casty.sharding.ShardEnvelope is ShardEnvelope
    assert casty.sharding.ReplicationConfig is ReplicationConfig
    assert casty.cluster.ServiceKey is ServiceKey
