"""What the tests of all mutants share: backends with one fault each, which a kit's checks must catch."""

from collections.abc import Callable, Collection, Generator, Iterable
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from casty.journals.memory import MemoryStore


def by_name[C: Callable[..., Any]](checks: Iterable[C]) -> dict[str, C]:
    return {check.__name__: check for check in checks}


def mutants_in[M](base: type[M], *modules: ModuleType) -> set[type[M]]:
    """All subclasses of `base` that these modules define."""
    return {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, base) and value is not base
        if value.__module__ == module.__name__
    }


@contextmanager
def held(store: MemoryStore, fences: Collection[tuple[str, int]]) -> Generator[None]:
    """Let the store take these fences, owner and epoch each, for held."""
    store._holders.update(fences)  # pyright: ignore[reportPrivateUsage]  # the fault is in the store itself
    try:
        yield
    finally:
        store._holders.subtract(fences)  # pyright: ignore[reportPrivateUsage]
