"""System messages: they travel in a lane of their own that is never bounded and never dropped."""

from dataclasses import dataclass
from typing import Any

from casty.behaviors.values import Behavior


@dataclass(frozen=True, slots=True)
class Start:
    """Become the initial behavior."""

    after: "Restart | None" = None
    """The restart that this start ends."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop after the current message; it comes before whatever else is in the lane."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Code of the actor raised: supervision decides."""

    exception: BaseException
    message: object = None


@dataclass(frozen=True, slots=True)
class Restart:
    """Restart; without an exception, because the actor asked for it."""

    exception: BaseException | None = None
    delay: float = 0.0
    message: object = None
    """The message whose handler failed."""


@dataclass(frozen=True, slots=True)
class Become:
    """Take a behavior that cannot simply replace the handler."""

    behavior: Behavior[Any]


@dataclass(frozen=True, slots=True)
class Unstash:
    """Put the stashed messages before the waiting ones."""


type Signal = Start | Stop | Fail | Restart | Become | Unstash
