"""What machines say to operators among their effects, apart from what they do."""

from collections.abc import Sequence
from typing import Any, Final, get_args

from casty_cluster.protocol.sharding.effects import Note

_KINDS: Final[tuple[type, ...]] = get_args(Note.__value__)


def notes(effects: Sequence[Any]) -> list[Note]:
    return [effect for effect in effects if isinstance(effect, _KINDS)]


def without_notes(effects: Sequence[Any]) -> list[Any]:
    return [effect for effect in effects if not isinstance(effect, _KINDS)]
