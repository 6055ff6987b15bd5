"""The shards that are explored: how many copies, and what may befall them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`budget` says how often each kind of fault, and of request, may happen."""

    replicas: int
    """Copies beside the primary's."""
    min_acks: int
    spares: int = 0
    """Nodes with an empty copy, which may replace others."""
    entities: int = 1
    budget: Mapping[str, int] = field(default_factory=dict[str, int])
    other_min_acks: tuple[int, ...] = ()
    """Values that a new view may have in place of `min_acks`."""

    @property
    def copies(self) -> int:
        return 1 + self.replicas


def _budget(**changes: int) -> Mapping[str, int]:
    return {
        "promote": 12,
        "append": 20,
        "crash": 2,
        "drop": 10,
        "repeat": 6,
        "tick": 6,
        "grant": 1,
        "save": 4,
        "read": 6,
        **changes,
    }


S = Scenario
SCENARIOS = {
    "r1m1": S(replicas=1, min_acks=1, spares=1, budget=_budget()),
    "r2m1": S(replicas=2, min_acks=1, budget=_budget()),
    "r2m1x2": S(replicas=2, min_acks=1, entities=2, budget=_budget(append=24)),
    "r2m2": S(replicas=2, min_acks=2, spares=1, budget=_budget()),
    "r3m1": S(replicas=3, min_acks=1, spares=1, budget=_budget(promote=14)),
    "r3m2": S(replicas=3, min_acks=2, spares=1, budget=_budget(promote=14)),
    "r3m3": S(replicas=3, min_acks=3, spares=2, budget=_budget(promote=14)),
    "r4m1": S(replicas=4, min_acks=1, spares=1, budget=_budget(promote=14)),
    "r4m2": S(replicas=4, min_acks=2, spares=2, budget=_budget(promote=14)),
    "groups3": S(replicas=2, min_acks=1, spares=2, budget=_budget(promote=14, crash=1)),
    "views3": S(replicas=2, min_acks=1, spares=2, budget={"promote": 24, "append": 16, "tick": 4}),
    "groups5": S(replicas=4, min_acks=2, spares=3, budget=_budget(promote=14, crash=1)),
    "wipe3": S(replicas=2, min_acks=1, spares=1, budget=_budget(wipe=3, crash=1)),
    "wipe5": S(replicas=4, min_acks=2, spares=1, budget=_budget(wipe=4, crash=1)),
    "crash3": S(replicas=2, min_acks=1, spares=1, budget=_budget(crash=10)),
    "disks3": S(replicas=2, min_acks=1, budget=_budget(fail=3)),
    "acks3": S(replicas=2, min_acks=1, other_min_acks=(2,), budget=_budget(promote=14)),
    "acks5": S(replicas=4, min_acks=2, other_min_acks=(1, 3, 4), spares=1, budget=_budget(promote=14)),
    "grants3": S(replicas=2, min_acks=1, budget=_budget(grant=6, crash=6)),
    "births3": S(replicas=2, min_acks=1, spares=3, budget=_budget(promote=16, grant=3)),
    "reads3": S(replicas=2, min_acks=1, entities=2, budget=_budget(read=40)),
    "reads5": S(replicas=4, min_acks=2, other_min_acks=(1, 4), spares=1, budget=_budget(read=40)),
    "snapshots3": S(replicas=2, min_acks=1, budget={"promote": 24, "append": 40, "save": 30, "tick": 4}),
    "alone3": S(replicas=2, min_acks=0, budget=_budget(append=30, save=12, tick=40, move=12)),
    "backups3": S(replicas=2, min_acks=1, budget=_budget(crash=12, promote=20, restore=3)),
    "backups5": S(replicas=4, min_acks=2, budget=_budget(crash=16, promote=24, restore=4)),
    "calm3": S(replicas=2, min_acks=1, spares=1, entities=2, budget={"promote": 10, "append": 30}),
}
