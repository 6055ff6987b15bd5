"""Whether a function is async is found out before it is called, however it is dressed."""

from collections.abc import Awaitable
from functools import partial, wraps
from typing import Any
from unittest.mock import AsyncMock

import pytest
from casty.callables import is_async, named, takes


async def handle(*_: object) -> None:
    """The one that is meant."""


def forgot(*_: object):
    """The mistake."""


def passes_on(*_: object) -> Awaitable[None]:
    return handle()


async def produces(*_: object) -> Any:
    yield


class Handler:
    async def method(self) -> None: ...

    def forgot(self) -> None: ...

    async def __call__(self) -> None: ...


class Forgot:
    def __call__(self) -> None: ...


def decorated(function: Any) -> Any:
    @wraps(function)
    def wrapper(*arguments: object) -> None:
        return function(*arguments)

    return wrapper


def two(_a: object, _b: object) -> None: ...


def three(_a: object, _b: object, _c: object) -> None: ...


def two_or_three(_a: object, _b: object, _c: object = 1) -> None: ...


ASYNC: list[Any] = [
    handle,
    partial(handle, 1),
    Handler().method,
    Handler(),
    decorated(handle),
    AsyncMock(),
    Handler.method,
]
NOT_ASYNC: list[Any] = [
    forgot,
    partial(forgot, 1),
    Handler().forgot,
    Forgot(),
    decorated(forgot),
    Handler,
    produces,
    None,
    "handle",
]


@pytest.mark.parametrize("function", ASYNC)
def test_an_async_function_is_recognized(function: object) -> None:
    assert is_async(function) is True


@pytest.mark.parametrize("function", NOT_ASYNC)
def test_a_function_that_is_not_async_is_recognized(function: object) -> None:
    assert is_async(function) is False


@pytest.mark.parametrize("function", [passes_on, lambda: handle(), print])
def test_where_only_the_call_can_tell_nothing_is_said(function: object) -> None:
    assert is_async(function) is None


def test_a_function_is_named_with_its_line() -> None:
    assert named(partial(forgot, 1)).startswith("forgot (")
    assert named(partial(forgot, 1)).endswith(f"test_callables.py, line {forgot.__code__.co_firstlineno})")
    assert "Handler.method" in named(Handler().method)
    assert named(print) == "print"


@pytest.mark.parametrize("function", [two, two_or_three, forgot, partial(three, 1), print])
def test_a_function_that_takes_as_many_arguments(function: object) -> None:
    assert takes(function, 2)


@pytest.mark.parametrize("function", [three, partial(two, 1), Handler().method])
def test_a_function_that_takes_another_number_of_arguments(function: object) -> None:
    assert not takes(function, 2)
