"""B24, locally: `UnhandledMessage` is really published."""

from casty import ActorSystem, Behaviors, UnhandledMessage

from tests.core.runtime.probe import Events, does


async def test_b24_an_unhandled_message_is_published(system: ActorSystem) -> None:
    unhandled = Events(system, UnhandledMessage)
    ref = system.spawn(does(lambda ctx, message: Behaviors.unhandled()))
    ref.tell("x")
    assert await unhandled.receive() == UnhandledMessage("x", ref)
