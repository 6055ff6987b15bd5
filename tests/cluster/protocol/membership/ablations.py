"""The safeguards, each switched off in turn: a simulation that does not notice proves nothing.

`python -m tests.cluster.protocol.membership.ablations` says which seed of which scenario catches each of them.
"""

from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from unittest.mock import patch

from casty.member import NodeId
from casty.spi.downing import Decision, MembershipView
from casty_cluster.protocol.downing import KeepMajority
from casty_cluster.protocol.membership import cluster_merge, leader
from casty_cluster.protocol.membership.exchange import GossipExchange
from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.joining import JoinProcess
from casty_cluster.protocol.membership.machine import Membership
from casty_cluster.protocol.membership.participant import Participant

from tests.cluster.protocol.membership.scenarios import SCENARIOS

SEEDS = 1_000


def _for_any_node(self: object, *_: object) -> bool:
    return True


def _merge_counts_as_change(self: GossipExchange, state: GossipState, theirs: GossipState) -> GossipState:
    return state.merge(theirs).changed_by(self._local)


def _remove_without_tombstone(self: GossipState, nodes: Collection[NodeId], now: float) -> GossipState:
    return self._without(nodes, self.tombstones)


def _never_decide(self: KeepMajority, view: MembershipView) -> Decision:
    return None


def _form_with_any_address(self: JoinProcess, _: float) -> bool:
    return all((heard := self._heard.get(other)) is not None and not heard.presence.cluster for other in self.others)


def _never_give_way(*_: object) -> bool:
    return False


def _lead_alone(state: GossipState) -> bool:
    return True


def _form_whatever_survives(seeker: JoinProcess, now: float) -> bool:
    return True


@contextmanager
def _no_uid_check() -> Generator[None]:
    with patch.object(Participant, "_is_for_me", _for_any_node), patch.object(Membership, "_is_for_me", _for_any_node):
        yield


type Ablation = Callable[[], object]

ABLATIONS = {
    "uid check": (_no_uid_check, "crash and restart"),
    "merging is no change": (
        lambda: patch.object(GossipExchange, "_merged", _merge_counts_as_change),
        "bootstrap of 3",
    ),
    "tombstones": (lambda: patch.object(GossipState, "remove", _remove_without_tombstone), "crash and restart"),
    "downing": (lambda: patch.object(KeepMajority, "decide", _never_decide), "crash and restart"),
    "lowest address forms": (
        lambda: patch.object(JoinProcess, "_may_form_first", _form_with_any_address),
        "bootstrap of 3",
    ),
    "a lost cluster may survive": (
        lambda: patch.object(JoinProcess, "_may_form_again", _form_whatever_survives),
        "partition and heal",
    ),
    "cluster merge": (lambda: patch.object(cluster_merge, "gives_way", _never_give_way), "formed apart"),
    "convergence": (lambda: patch.object(leader, "converged", _lead_alone), "join and split"),
}
"""By safeguard: how to switch it off, and the scenario that has to notice."""


def caught(name: str, seeds: int = SEEDS) -> tuple[int, str] | None:
    """The first seed that notices that this safeguard is off, and what it says; None: no seed does."""
    switched_off, scenario = ABLATIONS[name]
    with switched_off():
        for seed in range(seeds):
            try:
                SCENARIOS[scenario](seed)
            except AssertionError as error:
                return seed, str(error).splitlines()[0]
    return None


if __name__ == "__main__":
    for name, (_, scenario) in ABLATIONS.items():
        print(f"{name}: {scenario}: {caught(name)}", flush=True)
