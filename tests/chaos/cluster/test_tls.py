"""Nodes that authenticate each other."""

from pathlib import Path
from typing import Any

from trustme import CA

from tests.chaos.cluster.cluster import Cluster
from tests.transport_tcp.certificates import Files, written

COOKIE = "a secret of all the nodes of this test"
OTHER = "the secret of another cluster"


def settings(files: Files, cookie: str = COOKIE) -> dict[str, Any]:
    paths = {"certfile": str(files.certfile), "cafile": str(files.cafile), "keyfile": str(files.keyfile)}
    return {"tls": paths, "cookie": cookie}


async def test_nodes_with_certificates_and_a_cookie_are_one_cluster_and_strangers_are_rejected(
    tmp_path: Path,
) -> None:
    """Also X5: the secret is in no log."""
    authority = CA()
    own = settings(written(tmp_path / "own", authority=authority))
    async with Cluster.of(2, tmp_path, **own) as cluster:
        assert await cluster["n1"].do("ask", path="/echo", node="n2") == "n2"
        assert await cluster["n2"].do("ask", path="/echo", node="n1") == "n1"
        strangers = {
            "another authority": settings(written(tmp_path / "other", authority=CA())),
            "another secret": {**own, "cookie": OTHER},
        }
        refused = [
            await cluster.start_stranger(kind, required_quorum=3, quorum_timeout=2.0, **wrong)
            for kind, wrong in strangers.items()
        ]
        for stranger in refused:
            assert await stranger.ended() == 1
            assert "JoinError" in stranger.log.read_text()
        assert [len(view.details["members"]) for view in cluster["n1"].all("view")][-1] == 2
        logs = "".join(process.log.read_text() for process in cluster.processes)
        assert COOKIE not in logs
        assert OTHER not in logs
