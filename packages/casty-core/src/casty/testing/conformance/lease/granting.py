"""Which owner gets a lease, and with which token."""

from itertools import pairwise

from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.lease.expectations import LONG, SHORT, granted, refused
from casty.testing.conformance.lease.registry import Checks, OpenLeases

check = Checks()


@check
async def a_free_lease_is_granted(open_leases: OpenLeases) -> None:
    async with open_leases() as store:
        grant = await granted(store, "one", 12.5)
        expect_equal("the seconds of a grant", grant.seconds, 12.5)
        expect(grant.token > 0, f"the first token is {grant.token}, wanted one above 0")


@check
async def another_one_does_not_get_it(open_leases: OpenLeases) -> None:
    async with open_leases() as store, open_leases() as other:
        await granted(store, "one")
        await refused(store, "two")
        await refused(other, "two")


@check
async def its_holder_gets_it_again_with_the_same_token(open_leases: OpenLeases) -> None:
    async with open_leases() as store, open_leases() as other:
        first = await granted(store, "one", SHORT)
        again = await granted(other, "one", LONG)
        expect_equal("the token after another grant to the holder", again.token, first.token)
        expect_equal("its seconds", again.seconds, LONG)


@check
async def what_is_given_back_is_free(open_leases: OpenLeases) -> None:
    async with open_leases() as store, open_leases() as other:
        first = await granted(store, "one")
        expect_equal("the release of a lease", await other.release("lease", first.token), True)
        await granted(other, "two")
        await refused(store, "one")


@check
async def it_is_given_back_by_its_token_only(open_leases: OpenLeases) -> None:
    async with open_leases() as store:
        expect_equal("the release of what was never granted", await store.release("lease", 1), False)
        grant = await granted(store, "one")
        for token in (grant.token - 1, grant.token + 1, 0, -1, 2**62):
            expect_equal(
                f"the release of {token}, when {grant.token} holds", await store.release("lease", token), False
            )
        await refused(store, "two")
        expect_equal("the release of the right one", await store.release("lease", grant.token), True)
        expect_equal("its second release", await store.release("lease", grant.token), False)


@check
async def a_late_release_takes_nothing_away(open_leases: OpenLeases) -> None:
    async with open_leases() as store:
        old = await granted(store, "one")
        await store.release("lease", old.token)
        await granted(store, "one")
        expect_equal("the release of the holder's former token", await store.release("lease", old.token), False)
        await refused(store, "two")


@check
async def each_holder_has_a_higher_token(open_leases: OpenLeases) -> None:
    async with open_leases() as store:
        tokens: list[int] = []
        for number in range(10):
            tokens.append((await granted(store, f"owner {number % 3}")).token)
            await store.release("lease", tokens[-1])
        expect(all(a < b for a, b in pairwise(tokens)), f"tokens do not grow: {tokens}")


@check
async def a_token_that_was_given_back_is_not_granted_again(open_leases: OpenLeases) -> None:
    async with open_leases() as store:
        first = await granted(store, "one")
        await store.release("lease", first.token)
        second = await granted(store, "one")
        expect(second.token > first.token, f"the token {first.token} was given back, and {second.token} came after it")


@check
async def leases_are_apart(open_leases: OpenLeases) -> None:
    names = ("a", "A", "a ", "ä", "日本", "a/b", "'; --", "a" * 255)
    async with open_leases() as store:
        tokens = {name: (await granted(store, f"owner of {name}", name=name)).token for name in names}
        for name, token in tokens.items():
            await refused(store, "another", name=name)
            expect_equal(f"the release of {name!r}", await store.release(name, token), True)
            await granted(store, "another", name=name)


@check
async def owners_differ_by_their_whole_text(open_leases: OpenLeases) -> None:
    async with open_leases() as store:
        await granted(store, "owner")
        for pretender in ("Owner", "owner ", "owne", "owner\n", ""):
            await refused(store, pretender)


@check
async def leases_outlive_the_opened_store(open_leases: OpenLeases) -> None:
    async with open_leases() as store:
        first = await granted(store, "one")
    async with open_leases() as store:
        await refused(store, "two")
        expect_equal("the holder's token after it opened the store again", (await granted(store, "one")), first)
