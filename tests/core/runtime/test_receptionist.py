"""The receptionist of a system without a cluster."""

from typing import Any

from casty import (
    ActorRef,
    ActorSystem,
    Behaviors,
    Deregister,
    Find,
    Listing,
    Register,
    ServiceKey,
    Subscribe,
    UnhandledMessage,
)
from casty.extension import LocalRef, stop
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import Events, nothing

KEY = ServiceKey[Any]("workers")


async def found(system: ActorSystem, key: ServiceKey[Any] = KEY) -> list[ActorRef[Any]]:
    def finding(reply_to: ActorRef[Listing[Any]]) -> Find[Any]:
        return Find(key, reply_to)

    listing = await system.receptionist.ask(finding)
    assert listing.key == key
    return [instance.ref for instance in listing.instances]


async def test_a_discoverable_actor_is_found_until_it_stops(actor_system: ActorSystem) -> None:
    worker = actor_system.spawn(Behaviors.discoverable(Behaviors.receive(nothing), KEY))
    await settle()
    assert await found(actor_system) == [worker]
    assert await found(actor_system, ServiceKey("others")) == []
    assert isinstance(worker, LocalRef)
    stop(worker)
    await settle()
    assert await found(actor_system) == []


async def test_a_subscriber_is_notified_once_of_changes_that_come_together(actor_system: ActorSystem) -> None:
    probe = TestProbe[Listing[Any]](actor_system)
    workers = [actor_system.spawn(Behaviors.receive(nothing)) for _ in range(3)]
    actor_system.receptionist.tell(Subscribe(KEY, probe.ref))
    for worker in workers:
        actor_system.receptionist.tell(Register(KEY, worker))
    actor_system.receptionist.tell(Deregister(KEY, workers[1]))
    assert (await probe.receive()).instances == ()
    assert [instance.ref for instance in (await probe.receive()).instances] == [workers[0], workers[2]]
    actor_system.receptionist.tell(Deregister(KEY, workers[1]))  # it is not there any more
    await settle()
    await probe.expect_no_message()


async def test_what_stops_is_forgotten_under_every_key(actor_system: ActorSystem) -> None:
    other = ServiceKey[Any]("other")
    worker = actor_system.spawn(Behaviors.discoverable(Behaviors.receive(nothing), KEY))
    actor_system.receptionist.tell(Register(other, worker))
    assert await found(actor_system, other) == [worker]
    assert isinstance(worker, LocalRef)
    stop(worker)
    await settle()
    assert await found(actor_system) == await found(actor_system, other) == []


async def test_a_stray_message_takes_the_service_from_no_client(actor_system: ActorSystem) -> None:
    unhandled = Events(actor_system, UnhandledMessage)
    receptionist: ActorRef[Any] = actor_system.receptionist
    receptionist.tell("stray")
    receptionist.tell(Register("no key", "no reference"))  # pyright: ignore[reportArgumentType]  # a mistake of a user's
    worker = actor_system.spawn(Behaviors.discoverable(Behaviors.receive(nothing), KEY))
    await settle()
    assert [event.message for event in unhandled.seen] == ["stray"]
    assert await found(actor_system) == [worker]
