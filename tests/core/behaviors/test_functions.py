"""What functions are taken where a coroutine function, or a plain one, is expected."""

# The point is to hand over what a type checker would refuse.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from casty import BehaviorError
from casty.behaviors.functions import checked_async, checked_plain, is_plainly_async, refuse_coroutine


async def fits(first: object, second: object) -> object:
    return (first, second)


async def with_three(first: object, second: object, third: object) -> object:
    return (first, second, third)


async def with_a_default(first: object, second: object, third: object = 3) -> object:
    return (first, second, third)


async def with_any(*arguments: object) -> object:
    return arguments


async def with_a_keyword(first: object, second: object, *, third: object = 3) -> object:
    return (first, second, third)


async def with_a_needed_keyword(first: object, second: object, *, third: object) -> object:
    return (first, second, third)


async def with_one(first: object) -> object:
    return first


def plain(first: object, second: object) -> object:
    return (first, second)


def annotated(first: object, second: object) -> Awaitable[object]:
    return fits(first, second)


async def generating(first: object, second: object) -> Any:
    yield first, second


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    return wrapper


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(first: Any, second: Any) -> Any:
        return function(first, second)

    return wrapper


class Methods:
    async def fits(self, first: object, second: object) -> object:
        return (first, second)

    async def with_one(self, first: object) -> object:
        return first

    @staticmethod
    async def static(first: object, second: object) -> object:
        return (first, second)


class Asynchronous:
    async def __call__(self, first: object, second: object) -> object:
        return (first, second)


class Synchronous:
    def __call__(self, first: object, second: object) -> object:
        return (first, second)


AWAITABLE: dict[str, Callable[..., Any]] = {
    "a coroutine function": fits,
    "a default": with_a_default,
    "any arguments": with_any,
    "a keyword with a default": with_a_keyword,
    "a partial": functools.partial(with_three, 0),
    "a partial with a keyword": functools.partial(with_a_needed_keyword, third=3),
    "a bound method": Methods().fits,
    "a static method": Methods.static,
    "a callable object": Asynchronous(),
    "a mock": AsyncMock(),
    "a lambda that returns a coroutine": lambda first, second: fits(first, second),  # on purpose
    "a lambda that returns its result": lambda first, second: (first, second),
    "what a decorator made": logged(fits),
    "what a decorator made with wraps": wrapped(fits),
    "what is annotated to return one": annotated,
}

UNFIT: dict[str, Any] = {
    "three parameters": with_three,
    "one parameter": with_one,
    "a keyword that must be given": with_a_needed_keyword,
    "a bound method of one parameter": Methods().with_one,
    "a lambda of one parameter": lambda first: first,
    "a plain function": plain,
    "an async generator": generating,
    "a callable object that is not async": Synchronous(),
    "a class": Asynchronous,
    "None": None,
    "a text": "handler",
}


@pytest.mark.parametrize("what", AWAITABLE)
async def test_whatever_can_be_awaited_is_taken(what: str) -> None:
    taken = checked_async(AWAITABLE[what], 2, "Behaviors.receive", "handler(ctx, message)")
    result = taken(1, 2)
    assert inspect.isawaitable(result)
    await result


@pytest.mark.parametrize("what", UNFIT)
def test_what_cannot_be_awaited_is_refused(what: str) -> None:
    with pytest.raises(BehaviorError, match=r"Behaviors\.receive.*async def handler\(ctx, message\)"):
        checked_async(UNFIT[what], 2, "Behaviors.receive", "handler(ctx, message)")


def test_the_error_names_the_function_and_its_line() -> None:
    line = plain.__code__.co_firstlineno
    with pytest.raises(
        BehaviorError, match=rf"plain \(.*test_functions\.py, line {line}\) is none; write it as async def"
    ):
        checked_async(plain, 2, "Behaviors.receive", "handler(ctx, message)")
    with pytest.raises(BehaviorError, match=r"with_three .* with 2 arguments, which it does not take"):
        checked_async(with_three, 2, "Behaviors.receive", "handler(ctx, message)")


def test_a_function_that_was_called_is_refused_and_its_coroutine_closed() -> None:
    made: Any = fits(1, 2)
    with pytest.raises(BehaviorError, match=r"the coroutine that fits\(\.\.\.\) made; leave the call out"):
        checked_async(made, 2, "Behaviors.receive", "handler(ctx, message)")
    assert inspect.getcoroutinestate(made) == inspect.CORO_CLOSED


def test_what_is_taken_as_it_is_keeps_its_identity_and_a_lambda_its_equality() -> None:
    def adapt(function: Callable[..., Any]) -> Any:
        return checked_async(function, 2, "Behaviors.receive", "handler(ctx, message)")

    returning = AWAITABLE["a lambda that returns its result"]
    assert adapt(fits) is fits
    assert adapt(returning) == adapt(returning)


@pytest.mark.parametrize("function", [plain, lambda first, second: first, Synchronous(), dict, Mock(), max])
def test_a_plain_function_is_taken_where_nothing_is_awaited(function: Callable[..., Any]) -> None:
    assert checked_plain(function, 2, "tagger", "tagger(event)") is function


@pytest.mark.parametrize("function", [fits, Asynchronous(), AsyncMock(), functools.partial(with_three, 0), None, 3])
def test_a_coroutine_function_is_refused_where_nothing_is_awaited(function: Any) -> None:
    with pytest.raises(BehaviorError, match=r"tagger.*def tagger\(event\)"):
        checked_plain(function, 2, "tagger", "tagger(event)")


def test_a_plain_function_of_other_parameters_is_refused() -> None:
    with pytest.raises(BehaviorError, match=r"plain .* with 1 argument, which"):
        checked_plain(plain, 1, "tagger", "tagger(event)")


def test_a_coroutine_in_place_of_a_result_is_refused_and_closed() -> None:
    made: Coroutine[Any, Any, object] = fits(1, 2)
    with pytest.raises(BehaviorError, match=r"tagger has returned a coroutine.*fits .*has to return its result"):
        refuse_coroutine(made, "tagger", fits)
    assert inspect.getcoroutinestate(made) == inspect.CORO_CLOSED
    refuse_coroutine(None, "tagger", fits)


def test_only_the_commonest_case_is_recognized_at_a_glance() -> None:
    assert is_plainly_async(fits, 2)
    assert not is_plainly_async(plain, 2)
    assert not is_plainly_async(with_any, 2)
    assert not is_plainly_async(with_a_needed_keyword, 2)
    assert not is_plainly_async(Methods().with_one, 2)  # although its code has two parameters
