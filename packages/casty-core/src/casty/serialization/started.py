"""The file that was started, whose module is called `__main__` here, and otherwise wherever it is imported.

Its types are written under the name that they have there: those of `python bank.py` are in `bank`, and those of
`python -m app.bank` in `app.bank`. So another program can read them.
"""

import sys
from collections.abc import Mapping
from pathlib import PurePath
from types import ModuleType
from typing import Any, Final

MAIN: Final = "__main__"

STARTED: Final = (MAIN, "__mp_main__")
"""What the file's types have in their `__module__`, the second in a process of `multiprocessing`."""


def is_of_started(kind: type) -> bool:
    """Whether the type was defined in the file that was started."""
    return kind.__module__ in STARTED


def name_of_started() -> str | None:
    """What the file is called where it is imported; None where that is unknown, as in a notebook, or where this
    process has imported it as well, so that its types are there twice.
    """
    name = started_as_module() or _stem()
    return None if name in sys.modules else name


def started_as_module() -> str | None:
    """The name of a module that was started by it, with `python -m`. A folder or an archive has a spec without one."""
    name = getattr(members_of(sys.modules.get(MAIN)).get("__spec__"), "name", None)
    return None if name in STARTED else name


def members_of(module: object) -> Mapping[str, Any]:
    """What is in a module, past its own `__getattribute__`, by which lazy ones import."""
    return object.__getattribute__(module, "__dict__") if issubclass(type(module), ModuleType) else {}


def _stem() -> str | None:
    """A guess: the file may be in a package."""
    file = members_of(sys.modules.get(MAIN)).get("__file__")
    stem = PurePath(file).stem if isinstance(file, str) else ""
    return stem if stem not in ("", *STARTED) and stem.isprintable() and not {".", ":"} & set(stem) else None
