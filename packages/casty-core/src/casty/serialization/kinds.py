"""Which of a program's types may travel: dataclasses, NamedTuples and enums. The check runs no user's code."""

from abc import ABC
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Generic, Protocol

BUILTINS: Final = (int, float, str, bytes, list, tuple, set, frozenset, dict)


def namespace(kind: type) -> Mapping[str, Any]:
    """`vars(kind)`, past whatever its metaclass makes of attribute access."""
    return type.__getattribute__(kind, "__dict__")


def is_enum(kind: type) -> bool:
    return issubclass(kind, Enum)


def is_named_tuple(kind: type) -> bool:
    return issubclass(kind, tuple) and any("_field_defaults" in namespace(base) for base in kind.__mro__)


def is_own_dataclass(kind: type) -> bool:
    """Whether the class itself was decorated: its fields say nothing of what an undecorated subclass adds."""
    # What a builtin holds beside the fields would be lost in silence.
    return "__dataclass_fields__" in namespace(kind) and not issubclass(kind, BUILTINS)


def may_have_codec(kind: type) -> bool:
    """Whether it is derived from a class of another library, to which a codec may belong."""
    bases = [base for base in kind.__mro__[1:] if base not in (object, ABC, Generic, Protocol)]
    ours = any(base in BUILTINS or "__dataclass_fields__" in namespace(base) for base in bases)
    return bool(bases) and not ours


def may_travel(kind: type) -> bool:
    return is_enum(kind) or is_own_dataclass(kind) or is_named_tuple(kind)
