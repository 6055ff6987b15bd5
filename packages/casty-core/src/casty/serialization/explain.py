"""What an error says of a value that cannot be written: where it is, what it is, and what to do instead."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import date, time, timedelta
from decimal import Decimal
from reprlib import Repr
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final
from uuid import UUID

from casty.errors import EncodeError
from casty.serialization.kinds import BUILTINS, is_named_tuple, is_own_dataclass
from casty.serialization.limits import TooDeepError
from casty.serialization.replacements import replacement

_SCALARS: Final = (Decimal, date, time, timedelta, UUID)
_FUNCTIONS: Final = (FunctionType, MethodType, BuiltinFunctionType)
_CODEC: Final = "or give its type a codec (hook casty_codecs)"
_repr: Final = Repr(maxstring=100, maxother=100)

type Attempt = Callable[[Any], EncodeError | None]
"""Tries to write one value by itself."""


def short(value: object) -> str:
    """A `repr` that stays readable for whatever came from outside. Never raises."""
    try:
        return _repr.repr(value)
    except Exception:  # an integer of thousands of digits, or a `repr` of a user's
        return f"<{type(value).__qualname__}>"


def advice(kind: type[object]) -> str:
    """Why no instance of the type can travel, and what can in its place."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    if issubclass(kind, _FUNCTIONS):
        return f"a function ({name}) cannot travel; send data, and let the receiver choose what to call"
    if issubclass(kind, ModuleType | type):
        return f"a {kind.__name__} cannot travel; send its name, and let the receiver choose what it means"
    if issubclass(kind, BaseException):
        return f"the exception {name} cannot travel; send its text, or a dataclass that describes the failure"
    instead = replacement(kind)
    for builtin in (*BUILTINS, *_SCALARS):
        if issubclass(kind, builtin):
            instead = instead or (f"send {builtin.__name__}(value)" if builtin in BUILTINS else "convert it first")
            return f"{name} is a subclass of {builtin.__name__}, and would come back as one; {instead}, {_CODEC}"
    if hasattr(kind, "__dataclass_fields__"):
        return f"{name} inherits from a dataclass without being one; decorate it with @dataclass"
    instead = instead or "make it a frozen dataclass, or send one that describes it"
    return f"{name} is not a wire type; {instead}, {_CODEC}"


def locate(value: object, attempt: Attempt, error: EncodeError) -> tuple[str, EncodeError]:
    """The path to the innermost part of `value` that cannot be written by itself, and that part's error."""
    path = type(value).__qualname__
    while not isinstance(error, TooDeepError):  # a cycle has no innermost part
        for step, part in _parts(value, type(value)):
            inner = attempt(part)
            if inner is not None:
                path, value, error = path + step, part, inner
                break
        else:
            break
    return path, error


def _parts(value: Any, kind: type) -> Iterator[tuple[str, Any]]:
    if is_named_tuple(kind):
        yield from ((f".{name}", getattr(value, name)) for name in value._fields)
    elif is_own_dataclass(kind):
        names = (field.name for field in fields(value) if hasattr(value, field.name))
        yield from ((f".{name}", getattr(value, name)) for name in names)
    elif issubclass(kind, dict):
        for key, item in value.items():
            yield f"{{key {short(key)}}}", key
            yield f"[{short(key)}]", item
    elif issubclass(kind, set | frozenset):
        yield from ((f"{{{short(item)}}}", item) for item in value)
    elif issubclass(kind, list | tuple):
        yield from ((f"[{index}]", item) for index, item in enumerate(value))
