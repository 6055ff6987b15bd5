"""The failures of asks that are sent to another node: their classes, by index, and their texts."""

from typing import Final

from casty.errors import (
    ActorFailedError,
    ActorStoppedError,
    CastyError,
    ClientRefusedError,
    DecodeError,
    EncodeError,
    FencedError,
    JournalClosedError,
    JournalError,
    JournalOverloadedError,
    JournalSchemaError,
    JournalSetupError,
    JournalUnavailableError,
    MailboxFullError,
    NodeDownedError,
    NodeLostError,
    OverloadedError,
    ReplicationTimeoutError,
    SequenceConflictError,
    SerializationError,
    SystemStoppedError,
)

FAILURES: Final[tuple[type[CastyError], ...]] = (
    ActorStoppedError,
    ActorFailedError,
    DecodeError,
    MailboxFullError,
    JournalError,
    JournalUnavailableError,
    JournalOverloadedError,
    JournalClosedError,
    JournalSetupError,
    JournalSchemaError,
    FencedError,
    SequenceConflictError,
    NodeLostError,
    NodeDownedError,
    SystemStoppedError,
    SerializationError,
    EncodeError,
    OverloadedError,
    ClientRefusedError,
    ReplicationTimeoutError,
)
"""The place in this list is what is sent: only ever append to it."""
_INDEX: Final = {kind: index for index, kind in enumerate(FAILURES)}


def index_of(error: BaseException) -> int:
    """The index of the error's class, or of the closest of its bases that has one."""
    return next((_INDEX[kind] for kind in type(error).__mro__ if kind in _INDEX), _INDEX[ActorFailedError])


def failure(index: int, reason: str) -> CastyError:
    """The error that was sent. An index that this node does not know is an `ActorFailedError`."""
    kind = FAILURES[index] if index < len(FAILURES) else ActorFailedError
    return kind(reason)
