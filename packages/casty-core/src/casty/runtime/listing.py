"""The children of an actor as its handler sees them."""

from collections.abc import Sequence
from typing import Any, cast, overload, override

from casty.ref import ActorRef
from casty.runtime.cell import Cell
from casty.runtime.extras import CellExtras


class Listing(Sequence[ActorRef[Any]]):
    """The references of some cells, each looked up when it is asked for: a million children are listed in no time."""

    __slots__ = ("_cells",)

    def __init__(self, cells: tuple[Cell, ...]) -> None:
        self._cells = cells

    @overload
    def __getitem__(self, index: int) -> ActorRef[Any]: ...
    @overload
    def __getitem__(self, index: slice) -> "Listing": ...
    @override
    def __getitem__(self, index: int | slice) -> "ActorRef[Any] | Listing":
        found = self._cells[index]
        return Listing(found) if isinstance(found, tuple) else found.ref

    @override
    def __len__(self) -> int:
        return len(self._cells)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(cast("Sequence[object]", other))

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # as of a list, to which it is equal

    @override
    def __repr__(self) -> str:
        return repr(list(self))


def listed(extras: CellExtras | None) -> Listing:
    """The children that are alive, without those of the runtime."""
    if extras is None:
        return Listing(())
    cells = tuple(extras.children.values())
    if extras.has_hidden_children:
        cells = tuple(cell for cell in cells if not cell.name.startswith("_"))
    return Listing(cells)
