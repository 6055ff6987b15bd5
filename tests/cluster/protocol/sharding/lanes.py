"""The network between the nodes: reliable links for system messages, and user lanes that may be cut.

Each lane keeps its order and delays at will: a message arrives when the exploration picks it.
"""

from collections import deque
from collections.abc import Iterator
from random import Random
from typing import Any

from casty.member import NodeId

type Ends = tuple[int, int]
"""From which node to which."""
type Frame = tuple[NodeId, Any]
"""The incarnation that is meant, and the message."""


class Lanes:
    """Lanes of one kind. A lane that holds nothing is not listed."""

    def __init__(self) -> None:
        self._frames: dict[Ends, deque[Frame]] = {}
        self._left: dict[Ends, int] = {}
        """How many of the frames of a lane have certainly left their sender."""

    def __iter__(self) -> Iterator[Ends]:
        return iter(self._frames)

    def put(self, ends: Ends, frame: Frame) -> None:
        self._frames.setdefault(ends, deque()).append(frame)

    def head(self, ends: Ends) -> Frame:
        return self._frames[ends][0]

    def pop(self, ends: Ends) -> Frame:
        frame = self._frames[ends].popleft()
        self._left[ends] = max(0, self._left.get(ends, 0) - 1)
        if not self._frames[ends]:
            del self._frames[ends]
        return frame

    def clear(self, *, to: int) -> list[Frame]:
        """Drop all frames for that node, and return them."""
        cleared = [ends for ends in self if ends[1] == to]
        for ends in cleared:
            self._left.pop(ends, None)
        return [frame for ends in cleared for frame in self._frames.pop(ends)]

    def cut(self, ends: Ends, random: Random, *, least: int = 0) -> list[Frame]:
        """Drop any number of the last frames, and return them: the others, `least` at least, have arrived, or will."""
        frames = self._frames.pop(ends, deque[Frame]())
        kept = random.randint(least, len(frames))
        if kept:
            self._frames[ends] = deque(list(frames)[:kept])
        self._left[ends] = min(self._left.get(ends, 0), kept)
        return list(frames)[kept:]

    def unsend(self, ends: Ends, random: Random) -> list[Frame]:
        """Drop any number of the last frames, which have not left their sender, and return them. The others have."""
        unsent = self.cut(ends, random, least=self._left.get(ends, 0))
        self._left[ends] = len(self._frames.get(ends, ()))
        return unsent
