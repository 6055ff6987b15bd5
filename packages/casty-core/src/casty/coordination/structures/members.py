"""A set of values, which are bytes here: what is equal is what is encoded alike."""

from dataclasses import dataclass, field
from typing import Any

from casty.coordination.operations import Answer, Change, Instant, OperationId, Query, Steps, Timeless
from casty.coordination.structures.paging import page_of
from casty.serialization import event, message


@message("casty.coordination.members.Add")
@dataclass(frozen=True, slots=True)
class Add:
    """Replies with whether it was missing."""

    member: bytes


@message("casty.coordination.members.Remove")
@dataclass(frozen=True, slots=True)
class Remove:
    """Replies with whether it was there."""

    member: bytes


@message("casty.coordination.members.Contains")
@dataclass(frozen=True, slots=True)
class Contains(Query):
    member: bytes


@message("casty.coordination.members.Size")
@dataclass(frozen=True, slots=True)
class Size(Query): ...


@message("casty.coordination.members.Page")
@dataclass(frozen=True, slots=True)
class Page(Query):
    """Replies with the next members after one, in the order of their bytes: pairs of a member and b""."""

    after: bytes


@event("casty.coordination.members.MemberAdded")
@dataclass(frozen=True, slots=True)
class MemberAdded:
    member: bytes


@event("casty.coordination.members.MemberRemoved")
@dataclass(frozen=True, slots=True)
class MemberRemoved:
    member: bytes


type Command = Add | Remove | Contains | Size | Page


@event("casty.coordination.Members")
@dataclass(slots=True)
class Members(Timeless):
    """The state of one set."""

    members: set[bytes] = field(default_factory=set[bytes])

    def decide(self, command: Command, caller: OperationId, now: Instant) -> Steps:
        match command:
            case Add(member):
                if member in self.members:
                    return [Answer(caller, False)]
                return [Change(MemberAdded(member), caller)]
            case Remove(member):
                if member not in self.members:
                    return [Answer(caller, False)]
                return [Change(MemberRemoved(member), caller)]
            case Contains(member):
                return [Answer(caller, member in self.members)]
            case Size():
                return [Answer(caller, len(self.members))]
            case Page(after):
                return [Answer(caller, page_of((member, b"") for member in self.members if member > after))]

    def apply(self, fact: MemberAdded | MemberRemoved, by: OperationId | None) -> Any:
        match fact:
            case MemberAdded(member):
                self.members.add(member)
            case MemberRemoved(member):
                self.members.discard(member)
        return True
