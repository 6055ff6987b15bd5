"""Distributed structures in PostgreSQL: systems take them over from each other, and none is out of date."""

import asyncio

from casty import ActorSystem
from casty.cluster import DevelopmentCluster
from casty.testing.linearizability import CounterModel, History, RegisterModel, check_linearizable
from casty_journal_postgres import PostgresJournal
from casty_journal_postgres.options import PostgresOptions


async def test_a_system_that_another_one_has_followed_reads_what_that_one_wrote(
    dsn: str, options: PostgresOptions
) -> None:
    """Both regard themselves as the owner of the counter's entity, as two sides of a divided cluster may."""
    async with (
        PostgresJournal(dsn, schema=options.schema) as first_journal,
        PostgresJournal(dsn, schema=options.schema) as second_journal,
        ActorSystem("first") as first,
        ActorSystem("second") as second,
    ):
        one = first.distributed(first_journal).counter("c", timeout=30.0)
        other = second.distributed(second_journal).counter("c", timeout=30.0)
        assert await one.increment() == 1
        assert await other.increment() == 2
        assert await one.get() == 2
        assert await other.get_and_reset() == 2
        assert await one.get() == 0
        assert await one.increment(5) == 5
        assert await other.get() == 5


async def test_no_consumer_waits_in_vain_at_a_queue_that_another_system_has_filled(
    dsn: str, options: PostgresOptions
) -> None:
    """That a consumer still waits depends on the state as well, which is out of date in the first system."""
    async with (
        PostgresJournal(dsn, schema=options.schema) as first_journal,
        PostgresJournal(dsn, schema=options.schema) as second_journal,
        ActorSystem("first") as first,
        ActorSystem("second") as second,
    ):
        one = first.distributed(first_journal).queue[int]("q", timeout=30.0)
        other = second.distributed(second_journal).queue[int]("q", timeout=30.0)
        assert await one.size() == 0
        await other.enqueue(7)
        assert await one.dequeue(wait=0.5) == 7


async def test_changes_by_a_local_system_and_by_a_cluster_at_once_happen_once(
    dsn: str, options: PostgresOptions
) -> None:
    """They claim different fences, so reads of one may miss what the other has stored; its numbers of events do not."""
    async with (
        PostgresJournal(dsn, schema=options.schema) as first_journal,
        PostgresJournal(dsn, schema=options.schema) as second_journal,
        ActorSystem("local") as local,
        DevelopmentCluster(1) as (node,),
    ):
        one = local.distributed(first_journal).counter("c", timeout=60.0)
        other = node.distributed(second_journal).counter("c", timeout=60.0)
        assert [await counter.increment() for counter in (one, other, one, other)] == [1, 2, 3, 4]


async def test_calls_of_two_systems_at_once_are_linearizable(dsn: str, options: PostgresOptions) -> None:
    counters, registers = History(), History()
    async with (
        PostgresJournal(dsn, schema=options.schema) as first_journal,
        PostgresJournal(dsn, schema=options.schema) as second_journal,
        ActorSystem("first") as first,
        ActorSystem("second") as second,
        asyncio.TaskGroup() as group,
    ):

        async def use(system: ActorSystem, journal: PostgresJournal) -> None:
            d = system.distributed(journal)
            counter, register = d.counter("x", timeout=60.0), d.register[int]("x", timeout=60.0)
            for number in range(5):
                await counters.record(system.name, ("increment", 1), counter.increment())
                await registers.record(system.name, ("set", number), register.set(number))
                await counters.record(system.name, ("get",), counter.get())
                await registers.record(system.name, ("get",), register.get())

        callers = [
            group.create_task(use(first, first_journal)),
            group.create_task(use(second, second_journal)),
        ]
        await asyncio.wait(callers)
    # `set` returns nothing, as the model has it.
    check_linearizable(counters.operations, CounterModel())
    check_linearizable(registers.operations, RegisterModel())
