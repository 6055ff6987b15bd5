"""The lease store in memory with one fault each, of the kinds that stores really have."""

import asyncio
from typing import ClassVar, override

from casty.leases.memory import MemoryLeases
from casty.spi.lease import LeaseGrant


class GrantsToAnyOwner(MemoryLeases):
    @override
    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        return await super().acquire(name, "any owner", seconds)


class RefusesItsHolder(MemoryLeases):
    @override
    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        holding = self._holdings.get(name)
        held = holding is not None and asyncio.get_running_loop().time() < holding.expires
        return None if held else await super().acquire(name, owner, seconds)


class CountsRenewals(MemoryLeases):
    @override
    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        grant = await super().acquire(name, owner, seconds)
        if grant is not None:
            self._holdings[name] = self._holdings[name]._replace(token=grant.token + 1)
        return grant


class AcceptsAnyRelease(MemoryLeases):
    @override
    async def release(self, name: str, token: int) -> bool:
        holding = self._holdings.get(name)
        return await super().release(name, token if holding is None else holding.token)


class ReleasesByAnOldToken(MemoryLeases):
    """Remembers a token's owner, and takes away what that owner has now."""

    owners: ClassVar[dict[int, str]] = {}

    @override
    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        grant = await super().acquire(name, owner, seconds)
        if grant is not None:
            self.owners[grant.token] = owner
        return grant

    @override
    async def release(self, name: str, token: int) -> bool:
        holding = self._holdings.get(name)
        if holding is not None and self.owners.get(token) == holding.owner:
            token = holding.token
        return await super().release(name, token)


class KeepsWhatIsGivenBack(MemoryLeases):
    @override
    async def release(self, name: str, token: int) -> bool:
        released = await super().release(name, token)
        if released:
            self._holdings[name] = self._holdings[name]._replace(expires=float("inf"))
        return released


class ForgetsTokens(MemoryLeases):
    @override
    async def release(self, name: str, token: int) -> bool:
        released = await super().release(name, token)
        if released:
            del self._holdings[name]
        return released


class HasTheTokenAgain(MemoryLeases):
    """Takes the last holder for the current one."""

    @override
    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        last = self._holdings.get(name)
        grant = await super().acquire(name, owner, seconds)
        if last is None or grant is None or last.owner != owner:
            return grant
        self._holdings[name] = self._holdings[name]._replace(token=last.token)
        return LeaseGrant(last.token, seconds)


class HasOneLease(MemoryLeases):
    @override
    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        return await super().acquire("lease", owner, seconds)


class ReadsOwnersLoosely(MemoryLeases):
    @override
    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        return await super().acquire(name, owner.strip().lower(), seconds)


class NeverEndsALease(MemoryLeases):
    @override
    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        grant = await super().acquire(name, owner, 3600.0)
        return None if grant is None else LeaseGrant(grant.token, seconds)


class EndsLeasesEarly(MemoryLeases):
    @override
    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        grant = await super().acquire(name, owner, 0.9 * seconds)
        return None if grant is None else LeaseGrant(grant.token, seconds)


class NeverShortensALease(MemoryLeases):
    @override
    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        last = self._holdings.get(name)
        grant = await super().acquire(name, owner, seconds)
        if grant is not None and last is not None:
            held = self._holdings[name]
            self._holdings[name] = held._replace(expires=max(held.expires, last.expires))
        return grant


class ProlongsWhenRefusing(MemoryLeases):
    @override
    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        grant = await super().acquire(name, owner, seconds)
        if grant is None:
            self._holdings[name] = self._holdings[name]._replace(expires=float("inf"))
        return grant


class LooksBeforeItLeaps(MemoryLeases):
    """Another owner may take the lease between the check and the write."""

    @override
    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        now = asyncio.get_running_loop().time()
        holding = self._holdings.get(name)
        if holding is not None and now < holding.expires and holding.owner != owner:
            return None
        await asyncio.sleep(0)
        self._holdings.pop(name, None)
        return await super().acquire(name, owner, seconds)


class KeepsHalfOfWhatIsCancelled(MemoryLeases):
    @override
    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            await super().acquire(name, "stranger", seconds)
            raise
        return await super().acquire(name, owner, seconds)
