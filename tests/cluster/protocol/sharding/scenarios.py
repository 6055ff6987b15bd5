"""The clusters that are explored: how large, what may befall them, and which schedules are favoured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`budget` says how often each kind of fault or change may happen; nodes are meant by their index."""

    nodes: int
    joiners: int = 0
    """Nodes that may join under new addresses."""
    restarts: int = 0
    """Nodes that may join under the addresses of the first ones, once these have ended."""
    shards: int = 1
    entities: int = 1
    """In each shard."""
    actors: int = 1
    """On each node: senders of messages."""
    messages: int = 3
    """From each actor."""
    budget: Mapping[str, int] = field(default_factory=dict[str, int])
    quiet: tuple[int, ...] = ()
    """Nodes whose actors send nothing."""
    only: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    """The nodes that a kind of fault may hit, where not all."""
    slow: tuple[tuple[Any, ...], ...] = ()
    """Beginnings of steps that seldom happen before others."""
    reluctance: float = 0.003
    """How readily these steps happen."""
    proxies: tuple[int, ...] = ()
    """Nodes that do not run shards at first; `enable` makes them."""
    journal: bool = False
    old_fence: int = 0
    """The epoch of the fences at first: an earlier cluster has left them."""
    capacity: int = 10_000
    """Messages that a node buffers."""
    mailbox: int = 0
    """Accepted messages of a shard from which its node reads no more from user lanes; 0: any number."""
    tell_timeout: float | None = None
    """Seconds that messages wait for homes in this scenario; None: for ever."""
    clock: float = 3.0
    """Up to when time-outs may end before all else has happened."""
    flushes: float = 0.02
    """How soon flushes are repeated."""
    all_leave: bool = False
    reluctant: bool = False
    """Entities may take longer than a drain, and starts longer than the coordinator waits."""


S = Scenario
SCENARIOS = {
    # Planned changes only: nothing may be lost.
    "move3": S(nodes=3, budget={"move": 3}),
    "move3x2": S(nodes=3, shards=2, entities=2, actors=2, messages=2, budget={"move": 3}),
    "leave3": S(nodes=3, shards=2, entities=2, budget={"leave": 2, "move": 1}),
    "leave4": S(nodes=4, shards=2, messages=2, budget={"leave": 3}),
    "join": S(nodes=2, joiners=2, actors=2, messages=2, budget={"join": 2, "move": 2, "leave": 1}),
    "rolling": S(nodes=2, restarts=2, shards=2, budget={"join": 2, "leave": 2, "move": 1}),
    "passivation": S(nodes=3, entities=2, actors=2, messages=4, budget={"move": 3, "passivate": 4, "leave": 1}),
    "backpressure": S(nodes=3, shards=2, actors=2, messages=4, mailbox=1, budget={"move": 3, "leave": 1}),
    "shards8": S(nodes=3, joiners=1, shards=8, messages=6, budget={"move": 4, "leave": 1, "join": 1}),
    # Faults.
    "crash3": S(nodes=3, budget={"crash": 1, "move": 2}),
    "crash4": S(nodes=4, shards=2, messages=2, budget={"crash": 2, "move": 2, "leave": 1}),
    "break3": S(nodes=3, messages=4, budget={"break": 3, "move": 3}),
    "unsent3": S(nodes=3, messages=6, budget={"unsend": 4, "move": 3}),
    "unsent4": S(
        nodes=3, joiners=1, shards=2, actors=2, messages=4,
        budget={"unsend": 4, "move": 2, "crash": 1, "leave": 1, "join": 1},
    ),
    "unsentz": S(nodes=3, restarts=1, messages=6, budget={"unsend": 3, "remove": 1, "crash": 1, "join": 1, "move": 2}),
    "unsentr": S(
        nodes=3, messages=6, only={"remove": (1, 2)}, slow=(("out", 1), ("out", 2), ("user", 0, 1), ("user", 0, 2)),
        budget={"remove": 1, "unsend": 6},
    ),
    "zombie3": S(nodes=3, budget={"remove": 1, "move": 2}),
    "zombie4": S(nodes=4, messages=2, budget={"remove": 1, "crash": 1, "move": 2}),
    "fence3": S(nodes=3, journal=True, budget={"remove": 1, "move": 2, "crash": 1}),
    "restart": S(nodes=3, restarts=2, budget={"crash": 2, "join": 2, "move": 2}),
    "joincrash": S(nodes=3, joiners=1, budget={"join": 1, "crash": 1, "move": 2}),
    "mix4": S(
        nodes=4, joiners=1, shards=2, entities=2, messages=2,
        budget={"join": 1, "crash": 1, "break": 2, "move": 2, "leave": 1, "remove": 1, "passivate": 2},
    ),
    "mix4j": S(
        nodes=3, joiners=1, restarts=1, shards=2, messages=2, journal=True,
        budget={"join": 2, "crash": 1, "break": 2, "move": 2, "leave": 1, "remove": 1},
    ),
    "bounded": S(nodes=3, actors=2, messages=4, capacity=2, budget={"move": 3, "break": 1}),
    "expiry": S(nodes=3, shards=2, messages=4, tell_timeout=0.5, budget={"move": 3, "break": 1, "crash": 1}),
    "reluctant": S(nodes=3, entities=2, messages=4, clock=45.0, reluctant=True, budget={"move": 2, "leave": 1}),
    "allleave": S(nodes=3, shards=2, messages=2, all_leave=True, budget={"leave": 3, "move": 1}),
    # One rare schedule each.
    "oldfence": S(
        nodes=2, joiners=1, shards=2, messages=2, journal=True, old_fence=1 << 40,
        budget={"crash": 1, "join": 1, "move": 1},
    ),
    "refusal": S(nodes=2, journal=True, old_fence=1 << 40, proxies=(0,), reluctant=True, clock=45.0, flushes=0.5),
    "spin": S(
        nodes=4, proxies=(0, 1), quiet=(0, 2, 3), messages=6, only={"crash": (2,)}, slow=(("see_removed", 0, 2),),
        reluctance=0.0001, budget={"crash": 1},
    ),
    "zombiej": S(
        nodes=3, messages=4, journal=True, only={"remove": (1, 2)}, slow=(("out", 1), ("out", 2)),
        budget={"remove": 1, "move": 2},
    ),
    "joincrash2": S(
        nodes=2, joiners=1, shards=2, only={"crash": (0,)}, slow=(("see_up", 1),),
        budget={"join": 1, "crash": 1, "move": 2},
    ),
    "conflict": S(
        nodes=4, messages=2, only={"crash": (0,), "remove": (2,)}, slow=(("see_removed", 1, 2), ("out", 2)),
        budget={"remove": 1, "crash": 1, "move": 1},
    ),
    "conflictj": S(
        nodes=4, messages=2, journal=True, only={"crash": (0,), "remove": (2,)},
        slow=(("see_removed", 1, 2), ("out", 2)), budget={"remove": 1, "crash": 1, "move": 1},
    ),
    "fence2": S(nodes=3, messages=4, journal=True, quiet=(0, 1), budget={"remove": 1, "move": 1}),
    "latebounce": S(
        nodes=3, messages=4, quiet=(0, 1), only={"remove": (0, 1)},
        slow=(("user", 0, 2), ("user", 1, 2), ("out", 0), ("out", 1)), budget={"remove": 1, "move": 2},
    ),
    "reflush": S(
        nodes=3, messages=4, quiet=(0, 1), only={"leave": (0, 1)}, flushes=0.5, clock=6.0,
        budget={"move": 3, "leave": 1},
    ),
    "lateview": S(
        nodes=2, joiners=1, actors=2, only={"leave": (0,)}, slow=(("see", 1, 2),),
        budget={"join": 1, "leave": 1, "move": 1},
    ),
    "late": S(
        nodes=4, shards=2, messages=2, proxies=(0, 1, 3), only={"leave": (0, 1), "enable": (1,)},
        budget={"enable": 1, "move": 2, "leave": 1},
    ),
    "latest": S(
        nodes=3, joiners=1, messages=2, proxies=(0, 1, 2), only={"crash": (0,), "leave": (2,), "enable": (1,)},
        budget={"enable": 1, "move": 1, "leave": 1, "join": 1, "crash": 1},
    ),
}  # fmt: skip
