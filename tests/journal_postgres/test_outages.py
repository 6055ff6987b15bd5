"""Lost connections, lost answers, a server that is away."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest
from casty.errors import JournalError, SequenceConflictError
from casty.spi.journal import AppendOutcome
from casty_journal_postgres import breaker, connections
from casty_journal_postgres.options import PostgresOptions
from casty_journal_postgres.store import PostgresStore, open_store

from tests.journal_postgres.fakes import event, everything, numbers, snapshot
from tests.journal_postgres.proxy import Proxy
from tests.journal_postgres.server import Admin, connected, own_server, until_waiting
from tests.ports import free_ports


@pytest.fixture
async def proxy(dsn: str) -> AsyncGenerator[Proxy]:
    async with Proxy(dsn).serving() as serving:
        yield serving


@pytest.fixture
async def remote(proxy: Proxy, options: PostgresOptions) -> AsyncGenerator[PostgresStore]:
    """The store behind the proxy."""
    async with open_store(proxy.dsn, options) as opened:
        yield opened


async def test_a_commit_whose_answer_is_lost_is_found_again(remote: PostgresStore, proxy: Proxy) -> None:
    await remote.append([[event("a", 1)]])
    proxy.cut_at_answer = True
    groups = [[event("a", 2), event("a", 3)], [event("b", 1)], [event("a", 3, writer="late")], [event("a", 4)]]
    outcomes = await remote.append(groups)
    assert [type(outcome) for outcome in outcomes] == [type(None), type(None), SequenceConflictError, type(None)]
    assert not proxy.cut_at_answer
    assert await numbers(remote) == [1, 2, 3, 4]
    assert await numbers(remote, "b") == [1]


async def test_whatever_loses_its_answer_is_done_again(remote: PostgresStore, proxy: Proxy) -> None:
    await remote.append([[event("a", 1)]])
    proxy.cut_at_answer = True
    assert await everything(remote) == [event("a", 1)]
    proxy.cut_at_answer = True
    await remote.save_snapshot(snapshot(1), keep=2)
    proxy.cut_at_answer = True
    assert await remote.load_snapshot("a", 1) == snapshot(1)
    proxy.cut_at_answer = True
    assert await remote.claim("k", "one", 4) == 4
    proxy.cut_at_answer = True
    assert await remote.claim("k", "one") >= 5
    proxy.cut_at_answer = True
    assert len(await remote.read(0, 10)) == 1


async def test_lost_connections_are_replaced(store: PostgresStore, admin: Admin) -> None:
    await store.append([[event("a", 1)]])
    await everything(store)
    terminated = await admin.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'casty'"
    )
    assert len(terminated) >= 2
    assert await store.append([[event("a", 2)]]) == [None]
    assert await numbers(store) == [1, 2]


async def test_behind_a_new_connection_nothing_is_taken_for_known(
    store: PostgresStore, admin: Admin, options: PostgresOptions
) -> None:
    await store.append([[event("a", 1)], [event("a", 2)]])
    # As a standby does that did not have the last commit when it took over.
    await admin.execute(f"DELETE FROM {options.schema}.events WHERE sequence_nr = 2")
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'casty'")
    assert await numbers(store) == [1]  # meanwhile the connection that appends is found to be closed
    (gap,) = await store.append([[event("a", 3)]])
    assert isinstance(gap, SequenceConflictError)


async def test_two_appends_at_a_time_are_two_connections(
    store: PostgresStore, admin: Admin, options: PostgresOptions
) -> None:
    appending = f"SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%lock_shared(%{options.schema}%'"
    assert await both_append(store, 1) == [[None], [None]]
    assert await admin.fetchval(f"{appending} AND pid <> pg_backend_pid()") == 2


async def test_when_one_connection_leads_to_another_server_the_other_one_is_not_used_any_more(
    proxy: Proxy, options: PostgresOptions
) -> None:
    with own_server() as behind:
        async with open_store(behind.dsn, options) as standby, open_store(proxy.dsn, options) as store:
            # As a standby does that did not have the last commit when it took over.
            assert await both_append(standby, 1) == [[None], [None]]
            assert await both_append(store, 1) == [[None], [None]]
            assert await both_append(store, 2) == [[None], [None]]
            proxy.lead_to(behind.dsn)
            async with kept_connection(store):
                await store.connections.append(lambda connection: connection.close())
                (noticed,) = await store.append([[event("a", 3)]])
                assert isinstance(noticed, SequenceConflictError)
            # The one that was kept has stored events that the new server does not know, and could go on with them.
            for (outcome,) in await both_append(store, 3):
                assert isinstance(outcome, SequenceConflictError)
            assert await both_append(store, 2) == [[None], [None]]
            for entity_id in "ab":
                assert await numbers(standby, entity_id) == [1, 2]


async def test_what_a_server_says_late_is_not_taken_for_known_of_the_next_one(
    dsn: str, admin: Admin, proxy: Proxy, options: PostgresOptions
) -> None:
    with own_server() as behind:
        async with (
            open_store(behind.dsn, options) as standby,
            open_store(proxy.dsn, options) as store,
            connected(dsn) as locking,
        ):
            assert await both_append(standby, 1) == [[None], [None]]
            assert await both_append(store, 1) == [[None], [None]]
            await locking.execute(f"BEGIN; LOCK TABLE {options.schema}.events")
            late = asyncio.create_task(store.append([[event("b", 2)]]))
            await until_waiting(admin, f"%{options.schema}%")
            proxy.lead_to(behind.dsn)
            await store.connections.append(lambda connection: connection.close())
            for number in (2, 3):  # the connection that noticed is replaced once more
                assert await store.append([[event("a", number)]]) == [None]
            await locking.execute("COMMIT")
            assert await late == [None]
            (gap,), elsewhere = await asyncio.gather(store.append([[event("b", 3)]]), store.append([[event("a", 4)]]))
            assert isinstance(gap, SequenceConflictError)
            assert elsewhere == [None]
            assert await numbers(standby, "b") == [1]


async def both_append(store: PostgresStore, number: int) -> Sequence[Sequence[AppendOutcome]]:
    """Two appends at a time, so that both connections are used."""
    return await asyncio.gather(store.append([[event("a", number)]]), store.append([[event("b", number)]]))


@asynccontextmanager
async def kept_connection(store: PostgresStore) -> AsyncGenerator[None]:
    """One of the connections that append is in use."""
    in_use, done = asyncio.Event(), asyncio.Event()

    async def keep(connection: object) -> None:
        in_use.set()
        await done.wait()

    keeping = asyncio.create_task(store.connections.append(keep))
    await in_use.wait()
    yield
    done.set()
    await keeping


async def test_without_an_answer_it_fails_in_time_and_may_be_repeated(proxy: Proxy, options: PostgresOptions) -> None:
    impatient = PostgresOptions(schema=options.schema, command_timeout=0.5)
    async with open_store(proxy.dsn, impatient) as store:
        await store.append([[event("a", 1)]])
        proxy.mute = True
        started = asyncio.get_running_loop().time()
        for attempt in (store.append([[event("a", 2)]]), everything(store)):
            with pytest.raises(JournalError, match=r"was not done within 0\.5 s"):
                await attempt
        assert asyncio.get_running_loop().time() - started < 1.5
        proxy.mute = False
        assert await store.append([[event("a", 2)], [event("a", 3)]]) == [None, None]
        assert await numbers(store) == [1, 2, 3]


async def test_a_stuck_statement_ends_on_the_server_also_where_it_cannot_be_cancelled(
    proxy: Proxy, options: PostgresOptions, admin: Admin
) -> None:
    async def asleep() -> int:
        return await admin.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(300)' AND state = 'active'"
        )

    impatient = PostgresOptions(schema=options.schema, command_timeout=0.5)
    async with open_store(proxy.dsn, impatient) as store:
        sleeping = asyncio.create_task(
            store.connections.run("read", lambda connection: connection.execute("SELECT pg_sleep(300)"))
        )
        while not await asleep():
            pass
        proxy.go_away()
        with pytest.raises(JournalError):
            await sleeping
    while await asleep():
        pass


async def test_a_server_that_is_away_opens_the_breaker_and_is_found_again(
    proxy: Proxy, options: PostgresOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(breaker, "SHORTEST", 0.2)
    async with open_store(proxy.dsn, options) as store:
        await store.append([[event("a", 1)]])
        proxy.go_away()
        with pytest.raises(JournalError, match=r"has failed 10 times in a row; the last error was: .*circuit breaker"):
            await store.append([[event("a", 2)]])
        tried = proxy.connections
        with pytest.raises(JournalError, match="the circuit breaker is open"):
            await everything(store)
        assert proxy.connections == tried, "an open breaker lets nothing through"
        proxy.away = False
        await asyncio.sleep(0.25)  # the pause of a breaker that is the real one
        assert await store.append([[event("a", 2)]]) == [None]
        assert await numbers(store) == [1, 2]


async def test_claims_wait_for_a_server_that_is_away(
    proxy: Proxy, options: PostgresOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(breaker, "SHORTEST", 0.1)
    async with open_store(proxy.dsn, options) as store:
        proxy.go_away()
        with pytest.raises(JournalError, match="circuit breaker"):
            await store.append([[event("a", 1)]])
        tried = proxy.connections
        claiming = asyncio.create_task(store.claim("entity/a", "owner"))
        while proxy.connections == tried:
            with pytest.raises(JournalError, match="the circuit breaker is open"):
                await everything(store)
        assert not claiming.done()
        proxy.away = False
        assert await claiming == 1


async def test_the_first_claim_that_is_answered_lets_the_others_go(
    proxy: Proxy, options: PostgresOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(breaker, "SHORTEST", 0.1)
    monkeypatch.setattr(breaker, "GROWTH", 1000.0)
    monkeypatch.setattr(breaker, "LONGEST", 1000.0)
    async with open_store(proxy.dsn, options) as store:
        proxy.go_away()
        with pytest.raises(JournalError, match="circuit breaker"):
            await store.append([[event("a", 1)]])
        proxy.away = False
        claims = (store.claim(f"entity/{number}", "owner") for number in range(100))
        assert await asyncio.gather(*claims) == [1] * 100


async def test_a_journal_may_be_opened_once_its_server_is_there(
    dsn: str, options: PostgresOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "FIRST_PAUSE", 0.0)
    away = f"postgresql://user@127.0.0.1:{free_ports(1)[0]}/events"
    with pytest.raises(JournalError, match="check that the server runs there and listens on that port"):
        async with open_store(away, options):
            pass
    async with open_store(dsn, options) as store:
        assert await store.append([[event("a", 1)]]) == [None]


async def test_closing_ends_soon_without_a_server(proxy: Proxy, options: PostgresOptions) -> None:
    async with open_store(proxy.dsn, PostgresOptions(schema=options.schema, command_timeout=2.0)) as store:
        await store.append([[event("a", 1)]])
        proxy.mute = True
