"""What to do about failures, as values: directives, strategies and back-off."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from random import Random


class Directive(Enum):
    """A supervisor's answer to a failure."""

    restart = "restart"
    """Begin again from the initial behavior; queued messages are kept, the failed one is not tried again."""
    stop = "stop"
    """Stop the actor; its watchers are told why."""
    escalate = "escalate"
    """Let the next supervisor outwards decide; past the last one, the parent fails with this exception."""
    resume = "resume"
    """Go on with the current behavior as if the failed message had not come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before the n-th restart in a row: `initial * multiplier ** (n - 1)` seconds up to `maximum`.

    `jitter` is the share of that by which a wait may be longer, drawn evenly, so that many actors do not restart in
    step.
    """

    initial: float = 0.1
    maximum: float = 30.0
    multiplier: float = 2.0
    jitter: float = 0.2

    def __post_init__(self) -> None:
        if self.initial < 0 or self.maximum < self.initial or self.multiplier < 1 or self.jitter < 0:
            raise ValueError(f"a back-off needs 0 <= initial <= maximum, multiplier >= 1 and jitter >= 0: {self}")

    def delay(self, attempt: int, random: Random) -> float:
        """Seconds to wait before restart number `attempt`, counted from 1."""
        # The exponent is bounded so that a long outage cannot overflow the float.
        wait = min(self.maximum, self.initial * self.multiplier ** min(attempt - 1, 64))
        return wait * (1 + random.random() * self.jitter)


type Decider = Callable[[BaseException], Directive]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Strategy:
    """`max_restarts` restarts within `within` seconds are granted; the failure after them stops the actor.

    Without a `decider` every exception restarts.
    """

    max_restarts: int = 3
    within: float = 60.0
    decider: Decider | None = None
    backoff: Backoff | None = None

    def decide(self, exception: BaseException) -> Directive:
        return Directive.restart if self.decider is None else self.decider(exception)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneForOneStrategy(_Strategy):
    """Decides about the wrapped actor's own failures.

    `max_restarts` restarts within `within` seconds are granted; the failure after them stops the actor. Without a
    `decider` every exception restarts.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class AllForOneStrategy(_Strategy):
    """Decides for the children of the wrapped actor: a directive about one of them is carried out on all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestForOneStrategy(_Strategy):
    """Decides for the children of the wrapped actor: a directive about one is carried out on it and those spawned
    after it.
    """


type SupervisionStrategy = OneForOneStrategy | AllForOneStrategy | RestForOneStrategy
