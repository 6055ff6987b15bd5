"""A type variable with a default, for generic values whose type of messages is named only where it matters."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import TypeVar

    M = TypeVar("M", default=Any)
else:
    from typing import TypeVar

    M = TypeVar("M")  # Python 3.12 knows no defaults, and at run time nothing asks for them
