"""A mailbox without an actor: messages to its reference stay there until the test takes them."""

import itertools
from collections import deque
from collections.abc import Callable
from typing import Final, overload, override

from casty.address import ActorAddress
from casty.ref import ActorRef
from casty.testing.expecting import listing, meets, show

_UIDS: Final = itertools.count(1)


class InboxRef[M](ActorRef[M]):
    """Passes messages to a function; needs neither an actor system nor an event loop.

    Messages of an event-sourced actor arrive when the command's events are durable, as with any reference.
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
    """Collects the messages to its `ref`. Its methods never wait for later messages."""

    __test__ = False  # else pytest would collect the class as a test

    def __init__(self, path: str = "/inbox") -> None:
        self._messages: deque[M] = deque()
        self.ref: ActorRef[M] = InboxRef(path, self._messages.append)

    @property
    def has_messages(self) -> bool:
        return bool(self._messages)

    def receive(self) -> M:
        """Remove and return the next message. Raises AssertionError if there is none."""
        if not self._messages:
            raise AssertionError(f"{self} is empty: there is no message to receive")
        return self._messages.popleft()

    def receive_all(self) -> list[M]:
        """Remove and return all messages."""
        messages = list(self._messages)
        self._messages.clear()
        return messages

    @overload
    def expect_message[T](self, wanted: type[T]) -> T: ...

    @overload
    def expect_message[T](self, wanted: T) -> T: ...

    def expect_message(self, wanted: object) -> object:
        """Remove and return the next message: an instance of `wanted` if that is a type, else equal to it.

        Raises AssertionError with the actual messages otherwise.
        """
        if not self._messages or not meets(self._messages[0], wanted):
            raise AssertionError(f"{self} expected {show(wanted)}, but there is {listing(self._messages)}")
        return self._messages.popleft()

    def expect_no_message(self) -> None:
        """Raises AssertionError with the actual messages if it is not empty."""
        if self._messages:
            raise AssertionError(f"{self} expected no message, but there is {listing(self._messages)}")

    @override
    def __repr__(self) -> str:
        return f"TestInbox({self.ref.address.path!r})"
