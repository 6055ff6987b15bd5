"""What log records about an actor carry, so that a formatter that writes JSON need not take their text apart."""

import logging
from collections.abc import Mapping, MutableMapping
from typing import Any, override

from casty.runtime.cell import Cell


def about(cell: Cell) -> dict[str, str | None]:
    """The `extra` of a record about an actor of this process."""
    return cell.services.log_fields(cell.path)


class ActorLog(logging.LoggerAdapter[logging.Logger]):
    """`ctx.log`: the text begins with the actor's path, and the record has it as an attribute."""

    def __init__(self, cell: Cell) -> None:
        super().__init__(logging.getLogger("casty.actor"))
        self._cell = cell
        self._path = cell.path

    @override
    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        # Read for each record: a node has its id only once it has joined, and the caller's own `extra` wins.
        kwargs["extra"] = {**self._cell.services.log_fields(self._path), **(kwargs.get("extra") or {})}
        return msg, kwargs

    @override
    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        if not self.isEnabledFor(level):
            return
        text, arguments = _prefixed(self._path, msg, args)
        text, options = self.process(text, kwargs)
        # One frame more than `logging` skips by itself, so that the record names the caller's line and not this one.
        options["stacklevel"] = options.get("stacklevel", 1) + 1
        self.logger.log(level, text, *arguments, **options)


def _prefixed(path: str, msg: object, args: tuple[object, ...]) -> tuple[str, tuple[object, ...]]:
    """The path before the text: as an argument, since a path may hold a `%`, and since what collects records by their
    text should see one text for all actors.
    """
    if not args:
        return f"[%s] {str(msg).replace('%', '%%')}", (path,)
    if len(args) == 1 and isinstance(args[0], Mapping) and args[0]:
        # `logging` formats with a lone mapping itself, so that nothing can stand beside it.
        return f"[{path.replace('%', '%%')}] {msg}", args
    return f"[%s] {msg}", (path, *args)
