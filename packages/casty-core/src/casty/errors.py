"""Casty's one exception tree: every error of ours is a `CastyError`, whatever else it also is."""

from asyncio import QueueFull
from typing import final


class CastyError(Exception):
    """Anything that Casty itself reports."""


class ArgumentError(CastyError, TypeError, ValueError):
    """An argument has the wrong kind or is out of range; the text says what was expected. Nothing has happened."""


class ActorNameError(CastyError, ValueError):
    """A name that is illegal, or that a living sibling already has."""


class BehaviorError(CastyError, TypeError):
    """A value that cannot be an actor's behavior where it was given."""


class ActorStoppedError(CastyError):
    """No reply to an `ask` can come any more: its target has stopped."""


class NodeUnreachableError(ActorStoppedError):
    """A message for an entity could not be sent to the node that it ran on, and has not been handled: newer ones had
    gone to the next node already, or the queue for its node was full. The next one may be handled.
    """


class ActorFailedError(CastyError):
    """An `ask` whose handler raised; the handler's exception is the cause."""


class DeadlockError(CastyError, RuntimeError):
    """An `ask` that would wait for itself: the target's handler already awaits, directly or through other actors, a
    reply of the actor that asks.
    """


class MailboxFullError(CastyError, QueueFull):
    """A message that a bounded mailbox had no room for; raised by `tell` or `ask`, as its overflow strategy says."""


class OverloadedError(CastyError):
    """A message for an entity that had to wait on its way, where too many wait already."""


class PartialAnswerError(CastyError, TimeoutError):
    """Some of the actors that an `ask` reached did not reply."""

    def __init__(self, text: str, *, answers: tuple[object, ...], missing: tuple[object, ...]) -> None:
        super().__init__(text)
        self.answers = answers
        """The replies of the others."""
        self.missing = missing
        """The nodes that did not."""


class JoinError(CastyError):
    """The cluster rejects this node, or too few members were found in time; says why and what to do."""


class NodeDownedError(CastyError):
    """This node was downed: what its actors knew may be out of date."""


class NodeLostError(CastyError):
    """The node of an actor has left the cluster or was downed, or a client lost its connection to it: the outcome of
    a pending ask is unknown.
    """


class NoContactError(CastyError, ConnectionError):
    """No contact point of a client has accepted it; says which were tried, and why each attempt failed."""


class ClientRefusedError(CastyError):
    """A client has asked for what the node does not let clients reach: `[cluster.clients] allow`."""


class TransferError(CastyError):
    """A bulk transfer to another node was discarded there: its receiver has nothing of it."""


class SystemStoppedError(CastyError, RuntimeError):
    """A call to an actor system that is not running."""


class StashOverflowError(CastyError):
    """`ctx.stash` beyond the stash's capacity."""


class ScopeError(CastyError):
    """A behavior that this kind of actor system cannot run, for example a sharded one without a cluster."""


class ConfigError(CastyError, ValueError):
    """A setting that is unknown, of the wrong type or out of range; names the file, the key and the nearest valid
    key.
    """


class PluginError(CastyError):
    """A plugin that is missing, broken, ambiguous, of another SPI, or given wrong options."""


class SerializationError(CastyError):
    """A value that cannot be turned into bytes, or bytes that cannot be turned back."""


class EncodeError(SerializationError):
    """A value outside the wire types, or beyond the bounds."""


class DecodeError(SerializationError):
    """Bytes that are damaged, beyond the bounds, or do not fit the type that they name."""


@final
class UnknownManifestError(DecodeError):
    """Bytes of a type that this process does not know."""

    def __init__(self, message: str, *, manifest: str) -> None:
        super().__init__(message)
        self.manifest = manifest


class JournalError(CastyError):
    """A journal that could not do what it was asked for."""


class SequenceConflictError(JournalError):
    """An append does not follow the entity's last stored event: another writer has stored it. Nothing was written."""


class FencedError(JournalError):
    """A write or a claim by an owner that another one has followed. Nothing was written."""

    def __init__(self, message: str, *, held: int | None = None) -> None:
        super().__init__(message)
        self.held = held
        """Epoch of the fence whose claim was refused, 0 if it was never claimed; a higher one may be claimed. None
        where a write was refused.
        """


class JournalUnavailableError(JournalError):
    """A journal that is away: its server cannot be reached, its disk is full, its file is gone. What was to be stored
    may be tried again when it is back.
    """


class JournalSetupError(JournalError):
    """A journal that cannot be used as it is set up, such as a wrong password or a missing database. Trying again does
    not help, so actors do not wait for it as for an outage: supervision decides.
    """


class JournalSchemaError(JournalSetupError):
    """A database whose schema is newer than this version of Casty, or not a journal at all."""


class JournalOverloadedError(JournalError):
    """More writes are waiting than the journal's bounded queue holds."""


class JournalClosedError(JournalError):
    """A journal that was used before it was opened, or after it was closed."""


class ReplicationTimeoutError(JournalError, TimeoutError):
    """Too few copies have stored the events of a command in time. Whether it has happened is unknown: its events may
    still be stored by enough of them, and the entity goes on when they are.
    """


class LeaseError(CastyError):
    """A lease store cannot tell which holder a lease has."""


class LockLostError(CastyError):
    """A lock, or a permit of a semaphore, whose lease has ended before its holder released it."""


class ProjectionError(CastyError):
    """A projection has stopped and cannot continue by itself, or was used in a way that it does not support."""


class OffsetStoreError(CastyError):
    """An offset store that could not do what it was asked for. Nothing of it was stored, unless it was a commit."""
