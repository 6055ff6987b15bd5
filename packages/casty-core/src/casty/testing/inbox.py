"""A mailbox without an actor: whatever its reference is told stays there until the test takes it."""

import itertools
from collections import deque
from collections.abc import Callable
from typing import Final, overload, override

from casty.address import ActorAddress
from casty.ref import ActorRef
from casty.testing.expecting import listing, meets, show

_UIDS: Final = itertools.count(1)


class InboxRef[M](ActorRef[M]):
    """Hands what it is told to a function; needs neither an actor system nor an event loop.

    What an event-sourced actor tells it comes when the command's events are durable, as with any reference.
    """

    __slots__ = ("_address", "_keep")

    def __init__(self, path: str, keep: Callable[[M], object]) -> None:
        self._address = ActorAddress(system="test", path=path, uid=next(_UIDS))
        self._keep = keep

    @property
    @override
    def address(self) -> ActorAddress:
        return self._address

    @override
    def _deliver(self, message: M) -> None:
        self._keep(message)


class TestInbox[M]:
    """Collects what its `ref` is told. Nothing here waits: what has not been told yet is not there."""

    __test__ = False  # pytest would take the class for a test

    def __init__(self, path: str = "/inbox") -> None:
        self._messages: deque[M] = deque()
        self.ref: ActorRef[M] = InboxRef(path, self._messages.append)

    @property
    def has_messages(self) -> bool:
        return bool(self._messages)

    def receive(self) -> M:
        """The next message, taken. Raises AssertionError where there is none."""
        if not self._messages:
            raise AssertionError(f"{self} is empty: there is no message to receive")
        return self._messages.popleft()

    def receive_all(self) -> list[M]:
        """Every message, taken."""
        messages = list(self._messages)
        self._messages.clear()
        return messages

    @overload
    def expect_message[T](self, wanted: type[T]) -> T: ...

    @overload
    def expect_message[T](self, wanted: T) -> T: ...

    def expect_message(self, wanted: object) -> object:
        """The next message, taken: an instance of `wanted` if that is a type, else equal to it.

        Raises AssertionError, with what is there, for anything else.
        """
        if not self._messages or not meets(self._messages[0], wanted):
            raise AssertionError(f"{self} expected {show(wanted)}, but there is {listing(self._messages)}")
        return self._messages.popleft()

    def expect_no_message(self) -> None:
        """Raises AssertionError, with what is there, if it is not empty."""
        if self._messages:
            raise AssertionError(f"{self} expected no message, but there is {listing(self._messages)}")

    @override
    def __repr__(self) -> str:
        return f"TestInbox({self.ref.address.path!r})"
