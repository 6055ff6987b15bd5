"""The tree of living actors as a value: what each is doing, and for how long."""

from dataclasses import dataclass
from typing import override


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorSnapshot:
    """One actor at the moment of the snapshot."""

    path: str
    state: str
    """"idle"; "ready": it waits for its turn; "running": it holds the event loop; "suspended": its handler awaits
    something; "paused": see `because`; or a step of its life: "starting", "recovering", "restarting", "stopping".
    """
    because: str | None = None
    """Why it is paused."""
    mailbox: int = 0
    """Messages that wait."""
    callers: int = 0
    """Callers that wait in `offer`."""
    handling: str | None = None
    """The type of the message."""
    seconds: float | None = None
    """For how long it has been suspended in that; at least, where its driver has handled other messages before."""
    at: str | None = None
    """The line at which it awaits something."""
    children: tuple["ActorSnapshot", ...] = ()
    left_out: int = 0
    """Children that are not among these."""

    @override
    def __str__(self) -> str:
        parts = [f"{self.path}  {self.state}"]
        if self.because is not None:
            parts.append(f"because {self.because}")
        if self.handling is not None:
            parts.append(f"handling {self.handling}")
        if self.seconds is not None:
            parts.append(f"for {self.seconds:.1f} s")
        if self.at is not None:
            parts.append(f"at {self.at}")
        if self.mailbox:
            parts.append(f"[{self.mailbox} messages wait]")
        if self.callers:
            parts.append(f"[{self.callers} callers wait in offer()]")
        return " ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemSnapshot:
    """The living actors of this process; `str()` shows them as a tree."""

    system: str
    node: str | None
    """None outside of a cluster."""
    actors: tuple[ActorSnapshot, ...]
    """Those at the top of the tree, Casty's own last."""
    left_out: int = 0
    """Actors at the top that are not among these."""

    @override
    def __str__(self) -> str:
        name = self.system if self.node is None else f"{self.system} on {self.node}"
        lines = [f"actor system {name}", *_left_out(self.left_out, "")]
        # Not by recursion: the tree may be deeper than Python's stack.
        todo = [(actor, "") for actor in reversed(self.actors)]
        while todo:
            actor, indent = todo.pop()
            lines += [f"{indent}{actor}", *_left_out(actor.left_out, f"{indent}  ")]
            todo += [(child, f"{indent}  ") for child in reversed(actor.children)]
        return "\n".join(lines)


def _left_out(count: int, indent: str) -> list[str]:
    return [f"{indent}({count} more actors, and their children, are left out)"] if count else []
