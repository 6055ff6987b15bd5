"""What a lease backend implements: a name that at most one holder has at a time, by a clock that all of them share.

A backend is named by a URL scheme and offered through the hook `casty_leases` as a `LeaseProvider`. Its `open` is an
async context manager that yields a `LeaseStore` and closes it on exit, without giving leases back.
"""

from typing import Final, NamedTuple, Protocol

SPI: Final = 1


class LeaseGrant(NamedTuple):
    """What the holder of a lease knows of it."""

    token: int
    """Higher than every token of this lease that was granted to another holder before."""
    seconds: float
    """How long the lease holds from the moment at which it was asked for, by any clock that runs no slower than the
    store's.
    """


class LeaseStore(Protocol):
    """Leases by name. Safe to call concurrently. Raises `LeaseError` where it cannot tell which holder a lease has."""

    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        """The lease, if it is free, has run out, or is `owner`'s already, whose token then stays the same; else None.

        To renew a lease, acquire it again. After an exception the outcome is unknown: the lease may be `owner`'s. Two
        holders need two owners' names, and a node that starts again is another holder.
        """
        ...

    async def release(self, name: str, token: int) -> bool:
        """Whether the lease was held with that token, and is given back now. The token is never granted again.

        By its token and not by its owner: a release that comes late must not take away what was granted since.
        """
        ...
