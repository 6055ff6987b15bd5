"""The annotations of a class's fields, resolved as far as they can be."""

import sys
from collections.abc import Iterator
from inspect import get_annotations
from types import SimpleNamespace
from typing import Any, get_type_hints


def field_hints(kind: type) -> dict[str, Any]:
    """By field. What does not exist at run time, for example a `TYPE_CHECKING` import, counts as `Any`."""
    try:
        return get_type_hints(kind)
    except Exception:  # annotations are expressions: they may raise anything
        return {name: hint for base in reversed(kind.__mro__) for name, hint in _one_by_one(base)}


def _one_by_one(kind: type) -> Iterator[tuple[str, Any]]:
    names_of_module = vars(sys.modules[kind.__module__]) if kind.__module__ in sys.modules else {}
    names_of_class = {parameter.__name__: parameter for parameter in kind.__type_params__} | dict(vars(kind))
    for name, annotation in get_annotations(kind).items():
        holder = SimpleNamespace(__annotations__={name: annotation})
        try:
            yield name, get_type_hints(holder, names_of_module, names_of_class)[name]
        except Exception:  # as above
            yield name, Any
