"""What type checkers have to know of asks, and have to refuse: mypy and basedpyright both read this file in `.ci/run`.

An `ignore` that nothing needs is an error to both, so that a mistake which is no longer refused is found as well.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from dataclasses import dataclass
from typing import assert_type

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors, BroadcastRef, Mailbox, Request, SpyEvent


@dataclass(frozen=True)
class GetTotal(Request[float]):
    account: str


@dataclass(frozen=True)
class GetName(Request[str]):
    """Another request, which the actor below does not take."""


@dataclass(frozen=True, slots=True)
class Total:
    reply_to: ActorRef[int]


@dataclass(frozen=True, slots=True)
class Add:
    amount: float


type Message = GetTotal | Total | Add


async def requests(system: ActorSystem, ref: ActorRef[Message], everywhere: BroadcastRef[Message]) -> None:
    assert_type(await ref.ask(GetTotal("alice")), float)
    assert_type(await ref.ask(GetTotal("alice"), timeout=1.0), float)
    assert_type(await system.ask(ref, GetTotal("alice")), float)
    assert_type(await system.ask_or_none(ref, GetTotal("alice")), float | None)
    assert_type(await everywhere.ask(GetTotal("alice")), tuple[float, ...])
    assert_type(await system.ask(everywhere, GetTotal("alice")), tuple[float, ...])


async def messages_with_a_reply_reference(system: ActorSystem, ref: ActorRef[Message]) -> None:
    assert_type(await ref.ask(Total), int)
    assert_type(await system.ask(ref, Total), int)
    total: int = await system.ask(ref, lambda reply_to: Total(reply_to))
    assert_type(total, int)


async def mistakes(system: ActorSystem, ref: ActorRef[Message]) -> None:
    await ref.ask(GetName())  # type: ignore[arg-type]
    await system.ask(ref, Add(1.0))  # type: ignore[call-overload]
    text: str = await ref.ask(GetTotal("alice"))  # type: ignore[arg-type]
    ref.tell(GetName())  # type: ignore[arg-type]
    GetTotal("alice").reply_to.tell("much")  # type: ignore[arg-type]
    GetTotal("alice", reply_to=text)  # type: ignore[arg-type]


def asking(ref: ActorRef[Message]) -> Behavior[float]:
    async def receive(ctx: ActorContext[float], message: float) -> Behavior[float]:
        ctx.ask(ref, GetTotal("alice"), lambda total: total + 1)
        return Behaviors.same()

    return Behaviors.receive(receive)


async def replies(ctx: ActorContext[GetTotal], state: float, command: GetTotal) -> Behavior[GetTotal]:
    Behaviors.persisted([], reply=(command.reply_to, "much"))  # type: ignore[misc]
    Behaviors.updated(1.0, reply=(command.reply_to, "much"))  # type: ignore[misc]
    return Behaviors.persisted([], reply=(command.reply_to, state))


def generic_values(system: ActorSystem, spied: ActorRef[SpyEvent], floats: Mailbox[float]) -> None:
    some = Mailbox(capacity=10)
    system.spawn(Behaviors.spy(Behaviors.ignore(), spied), mailbox=some)
    system.spawn(Behaviors.ignore(), mailbox=floats)
