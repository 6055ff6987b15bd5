"""Entities that keep a record of what they handle, incarnation by incarnation."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from casty import ActorContext, ActorRef, Behavior, Behaviors, InMemoryJournal, RegionRef
from casty.extension import LocalRef, stop

type Message = str | Question
type Ctx = ActorContext[Message]


class Boom(Exception):
    """A failure that a test wants."""


@dataclass(frozen=True)
class Question:
    """Answered with the id and the incarnation of the entity."""

    reply_to: ActorRef[str]
    text: str = ""


class Recording:
    """A factory of entities. `actions` are what texts make an entity do, beside the record."""

    def __init__(self, **actions: Callable[[Ctx], object]) -> None:
        self.seen: list[str] = []
        """`id.incarnation text` of each text that was handled."""
        self.starts: Counter[str] = Counter()
        self._actions: dict[str, Callable[[Ctx], object]] = {
            "stop": lambda ctx: Behaviors.stopped(),
            "passivate": lambda ctx: ctx.passivate(),
            "fail": _fail,
            **actions,
        }

    def __call__(self, entity_id: str) -> Behavior[Message]:
        self.starts[entity_id] += 1
        name = f"{entity_id}.{self.starts[entity_id]}"

        async def handle(ctx: Ctx, message: Message) -> Behavior[Message]:
            if isinstance(message, Question):
                if message.text == "fail":
                    raise Boom
                message.reply_to.tell(name)
                return Behaviors.same()
            self.seen.append(f"{name} {message}")
            action = self._actions.get(message)
            following: Any = None if action is None else action(ctx)
            if isinstance(following, Awaitable):
                following = await cast("Awaitable[Any]", following)
            return cast("Behavior[Message]", following) if isinstance(following, Behavior) else Behaviors.same()

        return Behaviors.receive(handle)


def _fail(ctx: Ctx) -> None:
    raise Boom


def remembering_texts(journal: InMemoryJournal | None) -> Callable[[str], Behavior[Message]]:
    """A factory of event-sourced entities whose events are the texts that they receive, and the answer all of them."""

    async def on_command(ctx: Ctx, texts: str, message: Message) -> Behavior[Any]:
        if isinstance(message, Question):
            return Behaviors.persisted([], reply=(message.reply_to, texts))
        return Behaviors.stopped() if message == "stop" else Behaviors.persisted([message])

    return lambda entity_id: Behaviors.event_sourced(
        entity_id=entity_id,
        initial_state="",
        on_event=lambda texts, text: f"{texts} {text}".strip(),
        on_command=on_command,
        journal=journal,
    )


def stop_region(region: RegionRef[Any]) -> None:
    assert isinstance(region, LocalRef)
    stop(region)
