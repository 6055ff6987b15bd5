"""Checks of the functions that users hand over, at the call that takes them: an error there names the function and the
line that it stands on, and one at the first message would not.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from inspect import CO_COROUTINE, CO_VARARGS
from types import CoroutineType, FunctionType
from typing import Any, Final, cast

from casty.callables import is_async, named, takes
from casty.errors import BehaviorError

_ASYNC: Final = CO_COROUTINE
_ARRANGEMENT: Final = CO_COROUTINE | CO_VARARGS
"""Of a code's flags, those that say how it can be called: `_ASYNC` is an `async def` without `*args`."""


def is_plainly_async(function: object, count: int) -> bool:
    """Whether it is an `async def` of exactly `count` parameters: the commonest case, told in no time."""
    if type(function) is not FunctionType:
        return False
    code = function.__code__
    return code.co_argcount == count and code.co_flags & _ARRANGEMENT == _ASYNC and not code.co_kwonlyargcount


def checked_async[F: Callable[..., Any]](function: F, count: int, taker: str, shape: str) -> F:
    """The function, if it can be awaited with `count` arguments; `BehaviorError` names the `taker`, such as
    `Behaviors.receive`, and the `shape`, such as `handler(ctx, message)`.

    Where only a call can tell, as with a lambda, which Python cannot make async, it may also return its result without
    a coroutine around it; what is returned here then sees to that.
    """
    if is_plainly_async(function, count):
        return function
    example = f"async def {shape}"
    _check_callable(function, taker, example)
    asynchronous = is_async(function)
    if asynchronous is False:
        raise BehaviorError(f"{taker} takes a coroutine function, and {named(function)} is none; write it as {example}")
    _check_count(function, count, taker, example)
    return function if asynchronous else cast("F", _Settling(function))


def checked_plain[F: Callable[..., Any]](function: F, count: int, taker: str, shape: str) -> F:
    """The function, if it can be called with `count` arguments and is no coroutine function; else `BehaviorError`."""
    if type(function) is FunctionType:
        code = function.__code__
        if code.co_argcount == count and not code.co_flags & _ARRANGEMENT and not code.co_kwonlyargcount:
            return function
    example = f"def {shape}"
    check_not_async(function, taker, example)
    _check_count(function, count, taker, example)
    return function


def check_not_async(function: object, taker: str, example: str) -> None:
    """Raises `BehaviorError` for what cannot be called, and for a coroutine function where none can be awaited."""
    _check_callable(function, taker, example)
    if is_async(function):
        raise BehaviorError(
            f"{taker} takes a plain function, which is not awaited, and {named(function)} is a coroutine function; "
            f"write it as {example}"
        )


def refuse_coroutine(result: object, taker: str, function: object) -> None:
    """Raises `BehaviorError` if a plain function has returned a coroutine, which nothing would ever run."""
    if type(result) is CoroutineType:
        result.close()
        raise BehaviorError(
            f"{taker} has returned a coroutine, which nothing awaits: {named(function)} has to return its result"
        )


def noun(given: object) -> str:
    """What something is: the name of its class, or its own where it is one."""
    kind = cast("type[object]", given) if isinstance(given, type) else type(given)
    return kind.__qualname__


@dataclass(frozen=True, slots=True)
class _Settling:
    """A function that may return its result or a coroutine of it. By value, like the behaviors that hold it."""

    function: Callable[..., Any]

    async def __call__(self, *arguments: Any) -> Any:
        result = self.function(*arguments)
        return await result if inspect.isawaitable(result) else result


def _check_callable(function: object, taker: str, example: str) -> None:
    if inspect.iscoroutine(function):
        function.close()
        raise BehaviorError(
            f"{taker} takes the function itself, and was given the coroutine that {function.__qualname__}(...) made; "
            f"leave the call out: {example}"
        )
    if not callable(function):
        raise BehaviorError(f"{taker} takes a function, {example}, and was given {function!r}")


def _check_count(function: Callable[..., Any], count: int, taker: str, example: str) -> None:
    if not takes(function, count):
        arguments = "1 argument" if count == 1 else f"{count} arguments"
        raise BehaviorError(
            f"{taker} calls {named(function)} with {arguments}, which it does not take; write it as {example}"
        )
