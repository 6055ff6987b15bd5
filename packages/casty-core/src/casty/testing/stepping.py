"""Runs a coroutine without an event loop, as long as it waits for nothing."""

from collections.abc import Awaitable

HINT = "BehaviorTestKit has no event loop: test what really waits in an ActorSystem, with TestProbe"


def step_through[T](awaitable: Awaitable[T], what: str) -> T:
    """The result of something that never suspends. Raises AssertionError, naming `what`, if it does."""
    steps = awaitable.__await__()
    try:
        next(steps)
    except StopIteration as end:
        return end.value
    except RuntimeError as error:
        if "event loop" in str(error):
            error.add_note(HINT)
        raise
    if (close := getattr(steps, "close", None)) is not None:
        close()
    raise AssertionError(f"{what} waits for something that is not ready. {HINT}")
