"""Producers and consumers of one system: order, confirmation, failures, bounds."""

import asyncio
import logging
from typing import Any

import pytest
from casty import (
    ActorStopped,
    ActorSystem,
    ArgumentError,
    BehaviorError,
    Behaviors,
    CastyConfig,
    DeadLetter,
    Directive,
    Mailbox,
    MailboxFullError,
    MailboxOverflowStrategy,
    OneForOneStrategy,
    ServiceKey,
    Terminated,
)
from casty.config.actors import ActorConfig, DefaultsConfig, MailboxOverrides
from casty.delivery import Send, Transfer, consumer, distributor, producer
from casty.delivery.sending import PATIENCE
from casty.extension import restart, stop
from casty.testing import ManualClock, TestProbe, settle

from tests.core.delivery.handlers import TEXTS, Boom, Recorder
from tests.core.runtime.probe import Events

KEY = ServiceKey[Transfer[str]]("consumers")


async def test_messages_are_handled_once_and_in_order(system: ActorSystem) -> None:
    recorder = Recorder()
    sender = system.spawn(producer(system.spawn(consumer(recorder.behavior()))))
    for text in TEXTS:
        sender.tell(Send(text))
    await sender.ask(Send("last", confirmed=True))
    assert recorder.seen == [*TEXTS, "last"]
    assert recorder.positions == list(range(1, len(TEXTS) + 2))


async def test_a_confirmed_send_replies_when_the_handler_has_confirmed(system: ActorSystem) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    sender = system.spawn(producer(system.spawn(consumer(recorder.behavior()))))
    asking = asyncio.ensure_future(sender.ask(Send("text", confirmed=True)))
    await settle()
    assert recorder.seen == ["text"]
    assert not asking.done()
    recorder.gate.set()
    await asking


async def test_a_send_replies_when_the_window_has_room(system: ActorSystem) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    sender = system.spawn(producer(system.spawn(consumer(recorder.behavior(), window=3))))
    asks = [asyncio.ensure_future(sender.ask(Send(text))) for text in TEXTS[:5]]
    await settle()
    assert [asking.done() for asking in asks] == [True, True, True, False, False]
    recorder.gate.set()
    await asyncio.gather(*asks)


async def test_beyond_its_capacity_a_producer_refuses(system: ActorSystem) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    sender = system.spawn(producer(system.spawn(consumer(recorder.behavior(), window=2)), capacity=5), "sender")
    dead = Events(system, DeadLetter)
    for text in TEXTS[:6]:
        sender.tell(Send(text))
    with pytest.raises(MailboxFullError, match="/sender has 5 unconfirmed messages, its capacity; await the reply"):
        await sender.ask(Send("too many"))
    assert [letter.message for letter in dead.seen] == [Send(TEXTS[5]), Send("too many")]
    recorder.gate.set()
    await settle()
    assert recorder.seen == TEXTS[:5]
    await sender.ask(Send("room again", confirmed=True))


async def test_a_message_whose_handler_fails_comes_again_before_the_next(
    system: ActorSystem, clock: ManualClock
) -> None:
    recorder = Recorder(two=3)
    sender = system.spawn(producer(system.spawn(consumer(recorder.behavior()))))
    for text in ("one", "two", "three"):
        sender.tell(Send(text))
    await clock.advance(5.0)
    assert recorder.seen == ["one", "two", "two", "two", "two", "three"]
    assert recorder.starts == 4


@pytest.mark.parametrize("directive", [Directive.resume, Directive.restart])
async def test_so_it_does_whatever_the_consumers_own_strategy_says(
    system: ActorSystem, clock: ManualClock, directive: Directive
) -> None:
    recorder = Recorder(two=1)
    strategy = OneForOneStrategy(decider=lambda _: directive)
    behavior = recorder.behavior(lambda inner: Behaviors.supervise(inner, strategy))
    sender = system.spawn(producer(system.spawn(consumer(behavior))))
    for text in ("one", "two", "three"):
        sender.tell(Send(text))
    await clock.advance(5.0)
    assert recorder.seen == ["one", "two", "two", "three"]


async def test_a_consumer_that_its_own_strategy_stops_ends_with_that_failure(system: ActorSystem) -> None:
    recorder = Recorder(one=1)
    strategy = OneForOneStrategy(decider=lambda _: Directive.stop)
    receiver = system.spawn(consumer(recorder.behavior(lambda inner: Behaviors.supervise(inner, strategy))))
    probe = TestProbe[Any](system)
    probe.watch(receiver)
    system.spawn(producer(receiver)).tell(Send("one"))
    assert isinstance((await probe.receive()).reason, Boom)


async def test_a_consumer_that_stops_by_its_own_wish_stops_as_a_whole(system: ActorSystem) -> None:
    receiver = system.spawn(consumer(Recorder().behavior()))
    probe = TestProbe[Any](system)
    probe.watch(receiver)
    await system.spawn(producer(receiver)).ask(Send("stop", confirmed=True))
    assert await probe.receive() == Terminated(receiver)


async def test_an_unconfirmed_message_comes_again_and_the_log_says_why(
    system: ActorSystem, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    recorder.silent = True
    sender = system.spawn(producer(system.spawn(consumer(recorder.behavior(), confirm_timeout=7.0))))
    sender.tell(Send("text"))
    with caplog.at_level(logging.WARNING):
        await clock.advance(7.0)
    assert "message 1 of producer" in caplog.text
    assert "was not confirmed and comes again: /" in caplog.text
    recorder.silent = False
    await clock.advance(1.0)
    assert recorder.seen == ["text", "text"]


async def test_a_consumer_that_restarts_gets_what_is_unconfirmed_again(system: ActorSystem, clock: ManualClock) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    receiver: Any = system.spawn(consumer(recorder.behavior()))
    sender = system.spawn(producer(receiver))
    for text in TEXTS[:10]:
        sender.tell(Send(text))
    await settle()
    restart(receiver, Boom())
    recorder.gate.set()
    await clock.advance(20.0)
    assert recorder.seen[:1] + recorder.seen[-10:] == [TEXTS[0], *TEXTS[:10]]


async def test_a_producer_with_a_key_follows_its_consumer(system: ActorSystem, clock: ManualClock) -> None:
    sender, recorder = system.spawn(producer(KEY)), Recorder()
    sender.tell(Send("early"))
    await settle()
    for number in range(3):
        receiver: Any = system.spawn(Behaviors.discoverable(consumer(recorder.behavior()), KEY))
        await settle()
        stop(receiver)
        await settle()
        sender.tell(Send(str(number)))
        await settle()
    system.spawn(Behaviors.discoverable(consumer(recorder.behavior()), KEY))
    await settle()
    assert recorder.seen == ["early", "0", "1", "2"]


async def test_of_several_consumers_a_producer_uses_one(system: ActorSystem) -> None:
    recorders = [Recorder() for _ in range(3)]
    for recorder in recorders:
        system.spawn(Behaviors.discoverable(consumer(recorder.behavior()), KEY))
    sender = system.spawn(producer(KEY))
    for text in TEXTS:
        await sender.ask(Send(text, confirmed=True))
    assert sorted(len(recorder.seen) for recorder in recorders) == [0, 0, len(TEXTS)]


async def test_a_distributor_shares_messages_among_all_consumers(system: ActorSystem) -> None:
    recorders = [Recorder() for _ in range(3)]
    sender = system.spawn(distributor(KEY))
    for recorder in recorders:
        recorder.gate.clear()
        system.spawn(Behaviors.discoverable(consumer(recorder.behavior()), KEY))
    await settle()
    for text in TEXTS[:30]:
        sender.tell(Send(text))
    await settle()
    for recorder in recorders:
        recorder.gate.set()
    await settle()
    assert [len(recorder.seen) for recorder in recorders] == [10, 10, 10]
    assert sorted(text for recorder in recorders for text in recorder.seen) == sorted(TEXTS[:30])


async def test_what_a_consumer_leaves_goes_to_another_one(system: ActorSystem) -> None:
    stuck, working = Recorder(), Recorder()
    stuck.gate.clear()
    first: Any = system.spawn(Behaviors.discoverable(consumer(stuck.behavior()), KEY))
    sender = system.spawn(distributor(KEY))
    for text in TEXTS[:10]:
        sender.tell(Send(text))
    await settle()
    system.spawn(Behaviors.discoverable(consumer(working.behavior()), KEY))
    await settle()
    assert working.seen == []
    stopped = Events(system, ActorStopped)
    stop(first)
    stuck.gate.set()
    await settle()
    assert first in [ended.ref for ended in stopped.seen]
    assert sorted({*stuck.seen, *working.seen}) == sorted(TEXTS[:10])
    assert len(working.seen) >= 9


async def test_two_producers_share_a_consumer_and_neither_waits_for_the_other(
    system: ActorSystem, clock: ManualClock
) -> None:
    recorder = Recorder(bad=10**6)
    receiver = system.spawn(consumer(recorder.behavior()))
    for texts in (["bad", "behind"], TEXTS[:5]):
        sender = system.spawn(producer(receiver))
        for text in texts:
            sender.tell(Send(text))
    await clock.advance(2.0)
    assert [text for text in recorder.seen if text != "bad"] == TEXTS[:5]


async def test_mailboxes_of_the_configuration_do_not_bound_the_protocol() -> None:
    tiny = MailboxOverrides(capacity=1, strategy=MailboxOverflowStrategy.drop_new)
    config = CastyConfig(defaults=DefaultsConfig(mailbox=tiny), actors={"sender": ActorConfig(mailbox=tiny)})
    recorder = Recorder()
    async with ActorSystem(config=config) as system:
        receiver = system.spawn(consumer(recorder.behavior()), mailbox=Mailbox(capacity=1))
        sender = system.spawn(producer(receiver), "sender")
        await settle()
        await asyncio.gather(*(sender.ask(Send(text, confirmed=True)) for text in TEXTS))
    assert recorder.seen == TEXTS


async def test_a_consumer_that_does_not_answer_is_reported_once(
    system: ActorSystem, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    receiver: Any = system.spawn(consumer(Recorder().behavior()), "receiver")
    stop(receiver)
    await settle()
    sender = system.spawn(producer(receiver))
    dead = Events(system, DeadLetter)
    sender.tell(Send("text"))
    with caplog.at_level(logging.WARNING):
        await clock.advance(4 * PATIENCE)
    assert caplog.text.count("no message has been confirmed for 30 s, and 1 wait, the first of type str") == 1
    assert dead.seen == []


async def test_a_producer_without_work_sets_no_timer(system: ActorSystem, clock: ManualClock) -> None:
    sender = system.spawn(producer(system.spawn(consumer(Recorder().behavior()))))
    await sender.ask(Send("text", confirmed=True))
    await clock.advance(1.0)
    assert clock.waits() == []


CONSUMER: Any = consumer
PRODUCER: Any = producer
DISTRIBUTOR: Any = distributor
"""Without their types, as a user's mistakes are."""

WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "a consumer of a function": (lambda: CONSUMER(print), BehaviorError, "delivery.consumer takes a behavior"),
    "a window of none": (lambda: CONSUMER(Behaviors.ignore(), window=0), ArgumentError, "window of delivery.consumer"),
    "no time to confirm": (
        lambda: CONSUMER(Behaviors.ignore(), confirm_timeout=0),
        ArgumentError,
        "confirm_timeout of delivery.consumer",
    ),
    "a producer for a name": (lambda: PRODUCER("consumers"), ArgumentError, r"a reference or ServiceKey\(name\)"),
    "a distributor for a name": (lambda: DISTRIBUTOR("consumers"), ArgumentError, "key of delivery.distributor"),
    "a capacity of none": (lambda: PRODUCER(KEY, capacity=0), ArgumentError, "capacity of delivery.producer"),
    "a journal without an id": (
        lambda: PRODUCER(KEY, journal="memory://"),
        ArgumentError,
        "stores messages under a producer_id",
    ),
    "an id that cannot be stored": (lambda: PRODUCER(KEY, producer_id="a\0"), BehaviorError, "NUL"),
    "an empty id": (lambda: PRODUCER(KEY, producer_id=""), BehaviorError, "a text that is not empty"),
    "a number for a journal": (lambda: PRODUCER(KEY, producer_id="a", journal=7), BehaviorError, "a journal is"),
}


@pytest.mark.parametrize(("make", "error", "text"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_refused_with_the_right_form(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()
