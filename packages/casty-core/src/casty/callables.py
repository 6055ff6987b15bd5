"""What can be known of a function that users hand over, before it is called."""

import inspect
from functools import partial
from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import FunctionType, MethodType
from typing import Any, Final

_LAMBDA: Final = "<lambda>"
_WHATEVER: Final = CO_VARARGS | CO_VARKEYWORDS


def is_async(function: object) -> bool | None:
    """Whether a call of `function` returns an awaitable; None where only the call can tell.

    Looks through `functools.partial`, methods, objects with `__call__`, and decorators that use `functools.wraps`. Only
    the call can tell for a lambda, for a plain function of `*args, **kwargs`, such as decorators make, or one that is
    annotated to return an awaitable, and for what is not written in Python.
    """
    inner = _innermost(function)
    if inspect.iscoroutinefunction(inner):
        return True
    if isinstance(inner, type) or not callable(inner):
        return False
    if not inspect.isfunction(inner):
        return None
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        return bool(inner.__code__.co_flags & inspect.CO_ITERABLE_COROUTINE)
    return None if inner.__name__ == _LAMBDA or _passes_on(inner) or _may_return_awaitable(inner) else False


def named(function: object) -> str:
    """The function's name and the line it stands on, for messages."""
    inner = _innermost(function)
    code = getattr(inner, "__code__", None)
    name = getattr(inner, "__qualname__", None) or repr(function)
    return name if code is None else f"{name} ({code.co_filename}, line {code.co_firstlineno})"


def _innermost(function: object) -> Any:
    """The function as the user wrote it, as far as it can be found."""
    while True:
        if isinstance(function, partial):
            function = function.func
        elif isinstance(function, MethodType):
            function = function.__func__
        elif (wrapped := getattr(function, "__wrapped__", None)) is not None:
            function = wrapped
        elif isinstance(function, type) or not callable(function) or _is_written(function):
            return function
        else:
            function = type(function).__call__


def _is_written(function: object) -> bool:
    """It is a function, or an object that is marked as an async one, such as an AsyncMock."""
    return inspect.isroutine(function) or inspect.iscoroutinefunction(function)


def _passes_on(function: FunctionType) -> bool:
    """Whether it takes whatever it is given, as decorators' functions do."""
    return function.__code__.co_flags & _WHATEVER == _WHATEVER


def _may_return_awaitable(function: FunctionType) -> bool:
    """Whether the annotation says so; what it says may be a text, or a name that only a type checker knows."""
    try:
        annotation = str(function.__annotations__.get("return"))
    except NameError:
        return True
    return any(word in annotation for word in ("Awaitable", "Coroutine", "Future", "Task", "Any"))


def takes(function: Any, count: int) -> bool:
    """Whether `function` can be called with so many positional arguments; True where that cannot be known."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except (ValueError, NameError):  # written in C, or annotated with a name that only a type checker knows
        return True
    return True
