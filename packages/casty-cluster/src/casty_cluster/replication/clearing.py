"""Deletes what generations of no use have left in the journal, one segment at a time."""

from collections import deque
from typing import final

from casty_cluster.replication.generation import Generation
from casty_cluster.replication.generations import Generations


@final
class Clearing:
    """Of all useless generations of a copy. The last segment goes first: what a crash leaves can be found again."""

    def __init__(self, generations: Generations, replaced: Generation | None = None) -> None:
        """`replaced`: the one of them that is open, whose segments need not be looked for."""
        self._generations = generations
        self._left = deque(generations.useless)
        self._found = 0
        """Segments of the first one that are there."""
        self._is_known = False
        """Whether these are all."""
        self._replaced = replaced
        self.is_over = not self._left

    async def step(self) -> None:
        """Look for a segment, or delete one. Raises what the journal raises."""
        if not self._left:
            await self._generations.forget_useless()
            self.is_over = True
            return
        generation = self._left[0]
        if self._replaced is not None and generation.number == self._replaced.number:
            self._found, self._is_known, self._replaced = self._replaced.segment + 1, True, None
        if not self._is_known:
            is_there = await generation.has(self._found)
            self._found, self._is_known = self._found + is_there, not is_there
        elif self._found:
            self._found -= 1
            await self._generations.delete_segment(generation, self._found)
        else:
            self._left.popleft()
            self._is_known = False
