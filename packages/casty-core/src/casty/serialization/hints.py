"""What a class says of itself: the annotations of its fields, resolved as far as they can be, and its constructor.

From Python 3.14 on, annotations are evaluated when they are asked for, and a name that only a type checker imports
raises then. Asked for in another format, they stay what they can be without it.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from inspect import Signature, get_annotations, signature
from types import SimpleNamespace
from typing import Any, get_type_hints

_unevaluated: Mapping[str, Any] = {}
_ways: Sequence[Mapping[str, Any]] = ({},)
"""Of asking a class for its annotations, each for where the ones before it raise."""

if sys.version_info >= (3, 14):
    Format: Any = import_module("annotationlib").Format  # not a statement: older Pythons have no such module
    _unevaluated = {"annotation_format": Format.STRING}
    # References before texts: they know the names of the function that a local class is in.
    _ways = ({}, {"format": Format.FORWARDREF}, {"format": Format.STRING})


def field_hints(kind: type) -> dict[str, Any]:
    """By field. What does not exist at run time, for example a `TYPE_CHECKING` import, counts as `Any`."""
    try:
        return get_type_hints(kind)
    except Exception:  # annotations are expressions: they may raise anything
        return {name: hint for base in reversed(kind.__mro__) for name, hint in _one_by_one(base)}


def constructor(kind: type) -> Signature:
    """The parameters that a call of the class takes, without their annotations' being evaluated."""
    return signature(kind, **_unevaluated)


def _one_by_one(kind: type) -> Iterator[tuple[str, Any]]:
    names_of_module = vars(sys.modules[kind.__module__]) if kind.__module__ in sys.modules else {}
    parameters = {parameter.__name__: parameter for parameter in getattr(kind, "__type_params__", ())}
    names_of_class = {kind.__name__: kind} | parameters | dict(vars(kind))  # a local class may name itself
    for name, annotation in _annotations(kind).items():
        holder = SimpleNamespace(__annotations__={name: annotation})
        try:
            yield name, get_type_hints(holder, names_of_module, names_of_class)[name]
        except Exception:  # as above
            yield name, Any


def _annotations(kind: type) -> Mapping[str, Any]:
    """Empty where even asking for them raises."""
    for way in _ways:
        try:
            return get_annotations(kind, **way)
        except Exception:  # as above
            continue
    return {}
