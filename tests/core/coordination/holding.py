"""Random programs of callers of a lock or a semaphore, which hold, renew, release, forget and stop waiting."""

from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from casty.coordination.operations import Withdraw
from casty.coordination.structures import Permits
from casty.coordination.structures.permits import Acquire, Release, Renew
from casty.testing.linearizability import Operation, SemaphoreModel, check_linearizable

from tests.core.coordination.world import Call, Caller, World

TTL: Final = 6.0


@dataclass
class Holding:
    """A grant as its holder knows it."""

    token: int
    valid_until: float
    released: bool = False
    attempts: list[float] = field(default_factory=list[float])


class Site:
    """A semaphore, and all that its callers hold."""

    def __init__(self, seed: object, permits: int, *, callers: int = 3, rounds: int = 3) -> None:
        self.permits = permits
        self.world = World(Permits, seed)
        self.holdings: list[Holding] = []
        self.crowded: list[str] = []
        """Moments at which more callers than permitted held a valid grant."""
        for number in range(callers):
            Holder(self, f"{number}", rounds).begin()
        for _ in range(2):
            self.world.later(self.random.uniform(0, 40), self.world.restart)

    @property
    def random(self) -> Random:
        return self.world.random

    def run(self) -> None:
        self.world.run(until=1_000.0)
        for holding in self.holdings:
            self.world.history.add(
                Operation(process="lease", call=("expire", holding.token), invoked=holding.valid_until)
            )

    def check(self) -> None:
        """Raises AssertionError for too many holders, and for tokens or replies that no order explains."""
        assert self.crowded == []
        check_linearizable(self.world.history.operations, SemaphoreModel(self.permits), max_configurations=200_000)

    def granted(self, token: int, valid_until: float) -> Holding:
        now = self.world.time
        holding = Holding(token, valid_until)
        self.holdings.append(holding)
        valid = [one.token for one in self.holdings if not one.released and one.valid_until > now]
        if len(valid) > self.permits:
            self.crowded.append(f"{valid} at {now}")
        return holding


class Holder(Caller):
    """Acquires, holds for a while, and releases, or does not."""

    def __init__(self, site: Site, name: str, rounds: int) -> None:
        super().__init__(site.world, name)
        self.site = site
        self.rounds = rounds

    def begin(self) -> None:
        if self.rounds == 0:
            return
        self.rounds -= 1
        wait = self.world.random.choice((0.0, 2.0, 2.0))
        command = Acquire(self.site.permits, TTL, self.name, wait)
        name = "acquire" if wait else "try_acquire"
        call: list[Call] = []
        call.append(
            self.call((name,), command, lambda token: self.acquired(token, call[0]), lambda: self.stop(call[0]))
        )

    def stop(self, call: Call) -> None:
        """It waits no more. This may be lost."""
        self.call(None, Withdraw(call.id), lambda _: None, lambda: None, attempts=1)
        self.begin()

    def acquired(self, token: int | None, call: Call) -> None:
        if call.attempt > 1:
            # An earlier attempt may have been granted a permit of which no caller learned, until its lease ended.
            self.world.history.add(Operation(process=self.name, call=("acquire",), invoked=call.invoked))
        if token is None or call.sent + TTL <= self.world.time:
            if token is not None:
                self.site.granted(token, call.sent + TTL)
            self.world.later(self.world.random.uniform(0, 3), self.begin)
            return
        holding = self.site.granted(token, call.sent + TTL)
        self.hold(holding, self.world.random.choice((0, 0, 2)))

    def hold(self, holding: Holding, renewals: int) -> None:
        """Renew, then release or forget."""
        if renewals:
            self.world.later(TTL / 3, lambda: self.renew(holding, renewals))
        elif self.world.random.random() < 0.3:
            self.world.later(self.world.random.uniform(0, 10), self.begin)
        else:
            self.world.later(self.world.random.uniform(0, 5), lambda: self.release(holding))

    def renew(self, holding: Holding, renewals: int) -> None:
        def renewed(held: bool) -> None:
            if held and self.world.time < holding.valid_until:
                holding.valid_until = call[0].sent + TTL
            self.hold(holding, renewals - 1)

        call: list[Call] = []
        call.append(self.call(None, Renew(holding.token), renewed, self.begin))

    def release(self, holding: Holding) -> None:
        holding.released = True
        call: tuple[Any, ...] = ("release", holding.token)
        self.call(call, Release(holding.token), lambda _: self.begin(), self.begin)
