"""What `Behaviors` takes: each argument is checked where it is given, before anything is spawned or stored."""

import inspect
from collections.abc import Buffer, Callable, Collection, Sequence
from typing import Any, Final, cast

from casty.behaviors.functions import checked_async, checked_plain, noun, refuse_coroutine
from casty.behaviors.values import Behavior
from casty.callables import is_async, named
from casty.errors import BehaviorError
from casty.ref import ActorRef

LONGEST_ID: Final = 2_500
"""Bytes of an entity id. Databases index it: PostgreSQL takes keys of 2,700 bytes at most."""
_STRATEGY_METHODS: Final = ("allocate", "rebalance")
_JOURNAL_METHODS: Final = ("persist", "load", "save_snapshot", "load_snapshot")


def checked_behavior[B: Behavior[Any]](behavior: B, taker: str) -> B:
    """Raises `BehaviorError` for what is no behavior."""
    if not isinstance(cast("object", behavior), Behavior):
        raise no_behavior(behavior, taker)
    return behavior


def no_behavior(given: object, taker: str) -> BehaviorError:
    """The error for what `taker` was given in place of a behavior."""
    advice = ""
    if isinstance(given, type):
        advice = "; that is a class: call it, or the function that makes a behavior of it"
    elif callable(given):
        advice = "; call the function that returns it"
    return BehaviorError(f"{taker} takes a behavior such as Behaviors.receive(handler), not {noun(given)}{advice}")


def checked_hook[F: Callable[..., Any]](hook: F | None, name: str, *parameters: str) -> F | None:
    """A hook of `Behaviors.with_lifecycle`, or None."""
    if hook is None:
        return None
    shape = f"{name}({', '.join(parameters)})"
    return checked_async(hook, len(parameters), f"{name} of Behaviors.with_lifecycle", shape)


def checked_recovery_hook[F: Callable[..., Any]](hook: F | None, method: str) -> F | None:
    """The hook of an event-sourced or durable-state behavior, or None."""
    if hook is None:
        return None
    shape = "on_recovery_completed(ctx, state)"
    return checked_async(hook, 2, f"on_recovery_completed of Behaviors.{method}", shape)


def checked_observer(observer: ActorRef[Any]) -> ActorRef[Any]:
    if not isinstance(cast("object", observer), ActorRef):
        raise BehaviorError(
            f"Behaviors.spy tells a reference, such as system.spawn(...) returns, and was given {observer!r}"
        )
    return observer


def checked_entity_id(entity_id: str) -> str:
    """Raises `BehaviorError` for an id that not every journal can store: it would fail there again and again."""
    if not isinstance(cast("object", entity_id), str) or not entity_id:
        raise BehaviorError(f"an entity id is a text that is not empty, such as 'account-7', and not {entity_id!r}")
    if "\0" in entity_id or entity_id.encode(errors="ignore").decode() != entity_id:
        raise BehaviorError(
            f"the entity id {entity_id!r} holds a NUL character or half a surrogate pair, which databases cannot "
            "store; use an id without it"
        )
    if (size := len(entity_id.encode())) > LONGEST_ID:
        raise BehaviorError(
            f"the entity id {entity_id[:40]!r}… is {size:,} bytes long, and databases store ids of at most "
            f"{LONGEST_ID:,}; use a shorter one, such as a hash of it"
        )
    return entity_id


def checked_journal[J](journal: J) -> J:
    """Raises `BehaviorError` for what is no journal, no URL and not None."""
    if journal is None:
        return journal
    if isinstance(journal, str):
        if "://" not in journal:
            raise BehaviorError(f"a journal is a URL, such as 'sqlite:///events.db', or an object, and not {journal!r}")
        return journal
    if isinstance(journal, type):
        raise BehaviorError(
            f"a journal is an object, and {journal.__name__} is the class of some: make one of it, such as "
            f"{journal.__name__}(...), once for all actors that share it"
        )
    methods = [getattr(journal, name, None) for name in _JOURNAL_METHODS]
    unfit = [name for name, method in zip(_JOURNAL_METHODS, methods, strict=True) if is_async(method) is False]
    if unfit:
        raise BehaviorError(
            f"a journal is a URL, or an object with the async methods {', '.join(_JOURNAL_METHODS)}; "
            f"{type(journal).__qualname__} has no async {', '.join(unfit)}"
        )
    return journal


def checked_allocation[A](allocation: A) -> A:
    """Raises `BehaviorError` for what is no allocation strategy, no name and not None."""
    if allocation is None or (isinstance(allocation, str) and allocation):
        return allocation
    unfit = [name for name in _STRATEGY_METHODS if not callable(getattr(allocation, name, None))]
    if isinstance(allocation, type) or unfit:
        raise BehaviorError(
            "allocation of Behaviors.sharded is the name of an allocation strategy, such as 'hash-ring', or an object "
            f"with the methods {' and '.join(_STRATEGY_METHODS)}, and not {allocation!r}"
        )
    return allocation


def checked_events(events: Sequence[Any]) -> Sequence[Any]:
    """The events of `Behaviors.persisted`: a list or another sequence, and not one event that happens to be one."""
    given = cast("object", events)
    one_event = isinstance(given, str | Buffer | range) or hasattr(given, "_fields")
    if one_event or not isinstance(given, Sequence):
        raise BehaviorError(
            f"Behaviors.persisted takes a list of events, not {noun(cast('object', given))}: "
            "write Behaviors.persisted([event]) for one event, and list(events) for a set or a generator of them"
        )
    return events


def check_afterwards(then: object, reply: object, taker: str) -> None:
    """Raises `BehaviorError` unless `then` and `reply` can be carried out when the events are durable."""
    if then is not None and not isinstance(then, Behavior):
        if not callable(then):
            raise BehaviorError(
                f"then= of {taker} is a behavior such as Behaviors.stopped(), or a function of the new state, "
                f"not {then!r}"
            )
        checked_plain(cast("Callable[[Any], None]", then), 1, f"then= of {taker}", "then(state)")
    if reply is not None:
        pair = cast("tuple[object, ...]", reply) if type(reply) is tuple else ()
        # By its method: whether something is an `ActorRef` takes longer to tell, and most commands reply.
        if len(pair) != 2 or not hasattr(pair[0], "tell"):
            raise BehaviorError(f"reply= of {taker} is a pair, (command.reply_to, message), and not {reply!r}")


def check_state(following: object, state: object, event: object, on_event: Callable[..., Any]) -> None:
    """Raises `BehaviorError` where `on_event` has forgotten to return the new state."""
    refuse_coroutine(following, "on_event of Behaviors.event_sourced", on_event)
    if following is None and state is not None:
        raise BehaviorError(
            f"{named(on_event)} returned None for {noun(event)}, and the state before it was {noun(state)}: "
            "on_event returns the new state, also where it is the old one"
        )


def check_tags(tags: object, event: object, tagger: Callable[..., Any]) -> None:
    """Raises `BehaviorError` unless these are tags: a list or another collection of texts, and not one text."""
    refuse_coroutine(tags, "tagger of Behaviors.event_sourced", tagger)
    given = cast("Collection[object]", tags)
    if isinstance(tags, str) or not isinstance(tags, Collection) or not all(isinstance(tag, str) for tag in given):
        raise BehaviorError(
            f"{named(tagger)} tagged {noun(event)} with {tags!r}; a tagger returns a list of texts, such as ['vip']"
        )


def check_awaitable(awaitable: object) -> None:
    """Raises `BehaviorError` unless `ctx.pipe_to_self` can await it."""
    if not inspect.isawaitable(awaitable):
        advice = "; call it: ctx.pipe_to_self(job())" if callable(awaitable) else ""
        raise BehaviorError(f"ctx.pipe_to_self takes something to await, not {awaitable!r}{advice}")


def check_mappers(mapper: Callable[..., Any] | None, on_failure: Callable[..., Any] | None, taker: str) -> None:
    """Raises `BehaviorError` unless these are plain functions of what comes of the work that `taker` starts."""
    if mapper is not None:
        checked_plain(mapper, 1, f"mapper of {taker}", "mapper(result)")
    if on_failure is not None:
        checked_plain(on_failure, 1, f"on_failure of {taker}", "on_failure(error)")


def check_factory(factory: object) -> None:
    """Raises `BehaviorError` for a message in place of the function that makes it."""
    if not callable(factory):
        raise BehaviorError(
            f"ask takes a Request, or a function that makes the message for a reply reference, as in "
            f"ask(ref, lambda reply_to: {noun(factory)}(..., reply_to=reply_to)), not {noun(factory)} itself"
        )


def check_asked(message: object, factory: Callable[..., Any]) -> None:
    """Raises `BehaviorError` for what a factory cannot have meant as its message."""
    refuse_coroutine(message, "the factory of ask", factory)
    if message is None:
        raise BehaviorError(f"{named(factory)} made None for ask; it returns the message to send")
