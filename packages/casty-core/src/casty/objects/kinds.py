"""Types of messages as users write them: a class, a union, an alias of one, and the `M` of `Actor[M]`."""

import builtins
import sys
from collections.abc import Iterator, Sequence
from types import GenericAlias, NoneType, UnionType
from typing import Any, ForwardRef, TypeAliasType, TypeVar, Union, get_args, get_origin

from casty.errors import BehaviorError


def flattened(written: object, where: str) -> Iterator[type]:
    """The classes that `written` names, in order. Raises `BehaviorError` for what is no type of message.

    Of a generic type only the class counts, as messages do not know their type arguments.
    """
    origin = get_origin(written)
    if isinstance(written, TypeAliasType):
        yield from flattened(written.__value__, where)
    elif isinstance(origin, TypeAliasType):
        yield from flattened(origin.__value__, where)
    elif origin is UnionType or origin is Union:
        for part in get_args(written):
            yield from flattened(part, where)
    elif isinstance(origin, type):
        yield origin
    elif written is None:
        yield NoneType
    elif isinstance(written, type) and not isinstance(written, GenericAlias) and written is not Any:
        yield written
    else:
        raise BehaviorError(
            f"{where} names classes of messages, such as AddItem or AddItem | RemoveItem, not {written!r}"
        )


def parameter_of(kind: type, generic: type) -> object:
    """What `kind` was derived from `generic` with: the `A | B` of `class Cart(Actor[A | B])`; Any if that is open."""
    return _parameter(kind, generic, {})


def _parameter(kind: type, generic: type, known: dict[object, object]) -> object:
    for base in getattr(kind, "__orig_bases__", ()) if "__orig_bases__" in vars(kind) else kind.__bases__:
        origin: Any = get_origin(base) or base
        if not isinstance(origin, type) or not issubclass(origin, generic):
            continue
        arguments = [_substituted(argument, known) for argument in get_args(base)]
        if origin is generic:
            return _evaluated(arguments[0], kind) if arguments else Any
        parameters: Sequence[object] = getattr(origin, "__parameters__", ())
        return _parameter(origin, generic, dict(zip(parameters, arguments, strict=False)))
    return Any


def _substituted(argument: Any, known: dict[object, object]) -> object:
    if isinstance(argument, TypeVar):
        return known.get(argument, Any)
    parameters: Sequence[object] = getattr(argument, "__parameters__", ())
    if parameters and all(parameter in known for parameter in parameters):
        return argument[tuple(known[parameter] for parameter in parameters)]
    return argument


def _evaluated(written: object, kind: type) -> object:
    """A text is looked up where the class stands; Any where it cannot be found there."""
    if isinstance(written, ForwardRef):
        written = written.__forward_arg__
    if not isinstance(written, str):
        return written
    module = sys.modules.get(kind.__module__)
    names = vars(builtins) | ({} if module is None else vars(module))
    parts = [names.get(part.strip()) for part in written.split("|")]
    return Any if None in parts else Union[tuple(parts)]  # noqa: UP007  # of types that are known at run time only
