"""The interpreter's limits for the same handlers: bare loops that await them, without actors, mailboxes and
scheduling.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

type Handler = Callable[[Any, Any], Awaitable[Any]]

SAME: Final = object()


class Changed:
    """A new behavior, as small as one can be."""

    __slots__ = ("handler",)

    def __init__(self, handler: Handler) -> None:
        self.handler = handler


class Question:
    """A message with a destination for its reply."""

    __slots__ = ("reply_to",)

    def __init__(self, reply_to: "asyncio.Future[int]") -> None:
        self.reply_to = reply_to


async def tell_same(messages: int) -> float:
    """Messages per second of a list and one handler."""
    handled = 0

    async def handle(ctx: object, message: object) -> object:
        nonlocal handled
        handled += 1
        return SAME

    return messages / await _drained(handle, messages)


async def tell_new(messages: int) -> float:
    """The same, with a handler that returns the next handler."""

    def after(handled: int) -> Handler:
        async def handle(ctx: object, message: object) -> Changed:
            return Changed(after(handled + 1))

        return handle

    return messages / await _drained(after(0), messages)


async def _drained(handler: Handler, messages: int) -> float:
    message = object()
    queue: list[object] = []
    start = time.perf_counter()
    for _ in range(messages):
        queue.append(message)  # one at a time, as `tell` does
    for each in queue:
        following = await handler(None, each)
        if following is not SAME:
            handler = following.handler
    return time.perf_counter() - start


async def ping_pong(round_trips: int) -> float:
    """Round trips per second of two handlers that fill each other's lists, called in turn."""
    to_ping: list[object] = []
    to_pong: list[object] = [object()]
    count = 0

    async def ping(ctx: object, message: object) -> object:
        nonlocal count
        count += 1
        to_pong.append(message)
        return SAME

    async def pong(ctx: object, message: object) -> object:
        to_ping.append(message)
        return SAME

    start = time.perf_counter()
    while count < round_trips:
        if await pong(None, to_pong.pop()) is not SAME or await ping(None, to_ping.pop()) is not SAME:
            break
    return round_trips / (time.perf_counter() - start)


async def ask(questions: int) -> float:
    """Replies per second of a handler that completes a future, which is read without waiting for the event loop."""
    loop = asyncio.get_running_loop()

    async def answer(ctx: object, question: Question) -> object:
        question.reply_to.set_result(1)
        return SAME

    async def ask_once() -> int:
        future: asyncio.Future[int] = asyncio.Future(loop=loop)
        await answer(None, Question(future))
        return future.result()

    start = time.perf_counter()
    for _ in range(questions):
        await ask_once()
    return questions / (time.perf_counter() - start)
