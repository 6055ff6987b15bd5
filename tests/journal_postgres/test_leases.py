"""Leases on PostgreSQL: the conformance kit, and what only a real server can show."""

import asyncio

import pytest
from casty.errors import ConfigError, LeaseError, PluginError
from casty.plugins import PluginRegistry, build_options
from casty.testing.conformance.lease import Check, checks
from casty_journal_postgres.lease_options import PostgresLeaseOptions
from casty_journal_postgres.lease_table import open_leases
from casty_journal_postgres.options import PostgresOptions

from tests.journal_postgres.proxy import Proxy
from tests.journal_postgres.server import Admin, own_server, until_waiting
from tests.ports import free_ports


@pytest.fixture
def lease_options(options: PostgresOptions) -> PostgresLeaseOptions:
    return PostgresLeaseOptions(schema=options.schema, command_timeout=20.0)


@pytest.mark.parametrize("check", checks())
async def test_conformance(check: Check, dsn: str, lease_options: PostgresLeaseOptions) -> None:
    await check(lambda: open_leases(dsn, lease_options))


async def test_the_url_is_the_dsn(dsn: str, options: PostgresOptions) -> None:
    provider = PluginRegistry.discover().lease(dsn)
    async with provider.open(dsn, build_options(provider, {"schema": options.schema})) as store:
        assert await store.acquire("lease", "one", 10.0) == (1, 10.0)


def test_wrong_options_are_refused() -> None:
    provider = PluginRegistry.discover().lease("postgresql://host/database")
    with pytest.raises(ConfigError, match="command_timeout must be more than 0 seconds"):
        PostgresLeaseOptions(command_timeout=0.0)
    with pytest.raises(PluginError, match="lease store 'postgresql' has no option 'shema'; did you mean 'schema'"):
        build_options(provider, {"shema": "x"})


async def test_nodes_that_start_at_once_make_one_table(dsn: str, lease_options: PostgresLeaseOptions) -> None:
    async def start(number: int) -> bool:
        async with open_leases(dsn, lease_options) as store:
            return await store.acquire("lease", f"node {number}", 60.0) is not None

    assert sum(await asyncio.gather(*(start(number) for number in range(8)))) == 1


async def test_leases_make_no_journal(dsn: str, lease_options: PostgresLeaseOptions, admin: Admin) -> None:
    async with open_leases(dsn, lease_options):
        tables = await admin.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", lease_options.schema)
    assert [name for (name,) in tables] == ["leases"]


async def test_an_acquire_that_waits_for_another_reads_the_clock_afterwards(
    dsn: str, lease_options: PostgresLeaseOptions, admin: Admin
) -> None:
    """A lease begins when it is granted, not when its statement began to wait."""
    table = f"{lease_options.schema}.leases"
    async with open_leases(dsn, lease_options) as store:
        await store.acquire("lease", "one", 60.0)
        await admin.execute("BEGIN")
        await admin.execute(f"UPDATE {table} SET expires = '-infinity'")
        waiting = asyncio.ensure_future(store.acquire("lease", "two", 1.0))
        await until_waiting(admin, f'%INSERT INTO "{lease_options.schema}".leases%')
        await admin.execute("SELECT pg_sleep(1.2)")
        await admin.execute("COMMIT")
        assert await waiting == (2, 1.0)
        assert await store.acquire("lease", "three", 1.0) is None


async def test_only_the_servers_clock_counts(dsn: str, lease_options: PostgresLeaseOptions, admin: Admin) -> None:
    async with open_leases(dsn, lease_options) as store:
        await store.acquire("lease", "one", 3600.0)
        assert await store.acquire("lease", "two", 3600.0) is None
        await admin.execute(f"UPDATE {lease_options.schema}.leases SET expires = clock_timestamp() - interval '1 ms'")
        assert await store.acquire("lease", "two", 3600.0) == (2, 3600.0)


async def test_a_lost_connection_is_an_error_and_the_next_attempt_has_another(
    dsn: str, lease_options: PostgresLeaseOptions, admin: Admin
) -> None:
    async with open_leases(dsn, lease_options) as store:
        first = await store.acquire("lease", "one", 60.0)
        await admin.execute("BEGIN")
        await admin.execute(f"SELECT 1 FROM {lease_options.schema}.leases FOR UPDATE")
        waiting = asyncio.ensure_future(store.acquire("lease", "one", 60.0))
        pattern = f'%INSERT INTO "{lease_options.schema}".leases%'
        await until_waiting(admin, pattern)
        await admin.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE $1 AND wait_event_type = 'Lock'",
            pattern,
        )
        with pytest.raises(LeaseError, match="cannot acquire 'lease' from the leases at postgresql://"):
            await waiting
        await admin.execute("COMMIT")
        assert await store.acquire("lease", "one", 60.0) == first


async def test_a_silent_connection_is_closed_in_time_and_not_used_again(dsn: str, options: PostgresOptions) -> None:
    impatient = PostgresLeaseOptions(schema=options.schema, command_timeout=1.0)
    clock = asyncio.get_running_loop().time
    async with Proxy(dsn).serving() as proxy, open_leases(proxy.dsn, impatient) as store:
        first = await store.acquire("lease", "one", 60.0)
        proxy.mute = True
        began = clock()
        with pytest.raises(LeaseError, match="cannot acquire 'lease'"):
            await store.acquire("lease", "one", 60.0)
        assert clock() - began < 5.0
        proxy.mute = False
        assert await store.acquire("lease", "one", 60.0) == first


async def test_a_server_that_is_down_is_an_error_with_its_cure() -> None:
    nowhere = f"postgresql://postgres@127.0.0.1:{free_ports(1)[0]}/postgres"
    with pytest.raises(LeaseError, match=r"cannot open the leases at .*; check that the server runs there"):
        async with open_leases(nowhere, PostgresLeaseOptions()):
            pass


async def test_leases_are_kept_while_the_server_restarts() -> None:
    with own_server() as server:
        async with open_leases(server.dsn, PostgresLeaseOptions()) as store:
            assert await store.acquire("lease", "one", 3600.0) == (1, 3600.0)
            await asyncio.to_thread(server.stop, "immediate")
            with pytest.raises(LeaseError):
                await store.acquire("lease", "two", 3600.0)
            await asyncio.to_thread(server.start)
            assert await store.acquire("lease", "two", 3600.0) is None
            assert await store.acquire("lease", "one", 3600.0) == (1, 3600.0)
