"""The holder's side of permits: grants that are renewed in the background, and what happens when one is lost."""

import asyncio
import logging
from asyncio import CancelledError, Task
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Final, cast

from casty import entropy
from casty.behaviors.functions import checked_plain
from casty.clock import SystemClock, TimerHandle
from casty.coordination.client import Client, ClientOperation
from casty.coordination.handles import Handle, finite_seconds
from casty.coordination.operations import OperationId
from casty.coordination.structures import permits as commands
from casty.errors import CastyError, LockLostError
from casty.interruption import raise_unless_failure

logger = logging.getLogger("casty")

SHORTEST_TTL: Final = 0.1
LONGEST_POLL: Final = 2.0
"""Seconds after which a caller that waits asks again: the time within which one that has died is skipped."""
RENEWALS: Final = 3
"""Times that a lease is renewed before it would end."""

type OnLost = Callable[["LockGrant"], object]


class LockGrant:
    """A permit that is held for a time, and renewed until it is released.

    Pass `token` to the resource that the lock protects: it is higher than that of every grant before, so the resource
    can refuse a holder whose lease has ended without its knowledge.
    """

    def __init__(self, lease: "Leased", operation: OperationId, token: int, valid_until: float) -> None:
        self.token = token
        self.valid_until = valid_until
        """Until then no other caller can hold the permit, by the clock of this system (`system.clock.time()`). A
        renewal moves it on; where the grant ends before, it is the moment of that.
        """
        self._lease = lease
        self._id = operation
        self._ended: str | None = None
        self._timer: TimerHandle | None = None
        self._renewing: Task[None] | None = None
        self._holder: Task[Any] | None = None
        """The task to cancel when the grant is lost."""
        self._plan_renewal()

    @property
    def is_held(self) -> bool:
        """Whether the lease is certain to hold at this moment."""
        return self._ended is None and self._lease.clock.time() < self.valid_until

    def check(self) -> None:
        """Raises `LockLostError` unless the lease is certain to hold at this moment."""
        if not self.is_held:
            why = self._ended or "its time is over without a renewal, for example because this process was paused"
            raise LockLostError(f"the grant {self.token} of {self._lease.description} is not held any more: {why}")

    async def release(self) -> bool:
        """Give the permit back. Returns whether it was held until then."""
        return await self._lease.release_grant(self)

    def cancel_when_lost(self, task: "Task[Any] | None") -> None:
        self._holder = task

    @property
    def was_lost(self) -> bool:
        return self._ended is not None and self._ended != RELEASED

    def end(self, reason: str) -> bool:
        """Renew no more. Returns whether that was news."""
        if self._ended is not None:
            return False
        self._ended = reason
        self.valid_until = min(self.valid_until, self._lease.clock.time())
        if self._timer is not None:
            self._timer.cancel()
        if self._renewing is not None and self._renewing is not asyncio.current_task():
            self._renewing.cancel()
        return True

    def _plan_renewal(self) -> None:
        self._timer = self._lease.clock.call_later(self._lease.ttl / RENEWALS, self._start_renewal)

    def _start_renewal(self) -> None:
        if self._ended is None:
            self._renewing = asyncio.get_running_loop().create_task(self._renew(), name="casty-renewal")

    async def _renew(self) -> None:
        lease = self._lease
        if lease.clock.time() >= self.valid_until:
            self._lose("this process did not renew it in time, because it was paused or too busy")
            return
        try:
            sent = await lease.renew(self.token, self.valid_until)
        except CancelledError:
            if self._ended is None:
                raise
        except (CastyError, TimeoutError) as error:
            self._lose(f"it could not be renewed: {error}")
        else:
            if sent is None:
                self._lose("its lease has expired")
            else:
                self.valid_until = sent + lease.ttl
                self._plan_renewal()

    def _lose(self, reason: str) -> None:
        if not self.end(reason):
            return
        logger.warning("the grant %s of %s is lost: %s", self.token, self._lease.description, reason)
        if self._holder is not None:
            self._holder.cancel()
        self._lease.lost(self, self._id)


RELEASED: Final = "it was released"


class Leased(Handle):
    """A lock, a semaphore or an election, as one of its callers."""

    def __init__(
        self,
        client: Client,
        kind: str,
        name: str,
        timeout: float,
        *,
        permits: int,
        ttl: float,
        owner: str | None,
        on_lost: OnLost | None,
        cancel_on_lost: bool,
    ) -> None:
        super().__init__(client, kind, name, timeout)
        self.ttl = finite_seconds(ttl, f"ttl of {self._what}", least=SHORTEST_TTL)
        self.owner = owner or f"{client.id}-{entropy.source().token(4).hex()}"
        """This handle, for people."""
        self._permits = permits
        taker = f"on_lost of {self._what}"
        self._on_lost = None if on_lost is None else checked_plain(on_lost, 1, taker, "on_lost(grant)")
        self._cancel_on_lost = cancel_on_lost
        self._grants: list[LockGrant] = []
        """Those that are held, oldest first."""
        self._entered: dict[Task[Any] | None, list[tuple[LockGrant, int]]] = {}
        """The grants of `async with` blocks, with the cancellations that their tasks had before."""

    @property
    def clock(self) -> SystemClock:
        return self._client.clock

    @property
    def description(self) -> str:
        return self._what

    @property
    def grant(self) -> LockGrant | None:
        """The latest grant that this handle holds."""
        return self._grants[-1] if self._grants else None

    async def acquire(self) -> LockGrant:
        """Wait for a permit, in the order in which callers came. Limit the wait with `asyncio.timeout`.

        Raises `TimeoutError` if the entity cannot be reached for the handle's `timeout`. A caller that is cancelled, or
        whose process dies, leaves its place.
        """
        poll = min(self.ttl / RENEWALS, LONGEST_POLL)
        make = partial(commands.Acquire, self._permits, self.ttl, self.owner)
        what = f"acquire of {self._what}"
        with self._client.operation() as operation:
            while True:
                token = await operation.wait(self._entity, make, what, self.timeout, each=poll)
                valid_until = operation.sent + self.ttl
                if self.clock.time() < valid_until:
                    return self._granted(operation, token, valid_until)

    async def try_acquire(self) -> bool:
        """Take a permit if one is free and no other caller waits. Returns whether it did; `grant` has it then."""
        command = commands.Acquire(self._permits, self.ttl, self.owner, 0.0)
        with self._client.operation() as operation:
            try:
                what = f"try_acquire of {self._what}"
                token = await operation.attempt(self._entity, command, what, self.timeout)
            except BaseException:
                self._client.withdraw(self._entity, operation.id)
                raise
            if token is not None:
                self._granted(operation, token, operation.sent + self.ttl)
            return token is not None

    def _granted(self, operation: ClientOperation, token: int, valid_until: float) -> LockGrant:
        grant = LockGrant(self, operation.id, token, valid_until)
        self._grants.append(grant)
        return grant

    async def release(self) -> bool:
        """Release the latest grant of this handle. Returns False if it holds none, as after its lease has ended."""
        return await self._grants[-1].release() if self._grants else False

    async def release_grant(self, grant: LockGrant) -> bool:
        """See `LockGrant.release`."""
        if not grant.end(RELEASED):
            return False
        self._grants.remove(grant)
        return cast("bool", await self._call("release", commands.Release(grant.token)))

    async def renew(self, token: int, deadline: float) -> float | None:
        """Renew a grant until the deadline. Returns when the renewal was sent, None if the grant is not held."""
        with self._client.operation() as operation:
            left = deadline - self.clock.time()
            held = await operation.attempt(self._entity, commands.Renew(token), f"renewal of {self._what}", left)
            return operation.sent if held else None

    def lost(self, grant: LockGrant, operation: OperationId) -> None:
        """A grant has ended by itself: give back what is left of it, and notify its owner."""
        self._grants.remove(grant)
        self._client.withdraw(self._entity, operation)
        if self._on_lost is not None:
            try:
                self._on_lost(grant)
            except BaseException as error:
                raise_unless_failure(error)
                logger.exception("on_lost of %s failed", self._what)

    async def __aenter__(self) -> LockGrant:
        task = asyncio.current_task()
        grant = await self.acquire()
        if self._cancel_on_lost:
            grant.cancel_when_lost(task)
        self._entered.setdefault(task, []).append((grant, task.cancelling() if task is not None else 0))
        return grant

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        task = asyncio.current_task()
        grant, cancellations = self._entered[task].pop()
        if not self._entered[task]:
            del self._entered[task]
        grant.cancel_when_lost(None)
        if grant.was_lost and self._cancel_on_lost:
            if task is not None and task.uncancel() <= cancellations and (kind is None or kind is CancelledError):
                grant.check()
            return
        try:
            await grant.release()
        except (CastyError, TimeoutError) as failure:
            # The block has ended as it has; the lease ends by itself.
            logger.warning("%s ends within %s s by its lease only: %s", self._what, self.ttl, failure)


class DistributedLock(Leased):
    """Mutual exclusion of callers on all nodes. A distributed lock is a lease: see `LockGrant`."""


class DistributedSemaphore(Leased):
    """At most `permits` holders at a time. One handle may hold several permits."""


class Election(Leased):
    """One leader at a time among the candidates: a lock whose holder has a name. The token of a grant is its term."""

    async def campaign(self) -> LockGrant:
        """Wait until this candidate is the leader."""
        return await self.acquire()

    async def resign(self) -> bool:
        """Returns whether this candidate was the leader."""
        return await self.release()

    async def leader(self) -> str | None:
        """The candidate whose lease has not ended, if there is one."""
        holders = await self._call("leader", commands.Holders())
        return holders[-1][0] if holders else None
