"""Pages of what a structure holds, small enough to travel in one message."""

import heapq
from collections.abc import Iterable
from typing import Final

PAGE: Final = 1_000
"""Items of a page."""
PAGE_BYTES: Final = 256 * 1024
"""Of items; at least one is sent, however large it is."""


def page_of(items: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """The first items by key, as many as a page may have."""
    page: list[tuple[bytes, bytes]] = []
    size = 0
    for key, value in heapq.nsmallest(PAGE, items):
        size += len(key) + len(value)
        if page and size > PAGE_BYTES:
            break
        page.append((key, value))
    return tuple(page)
