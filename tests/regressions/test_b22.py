"""B22, locally: `watch` works on any reference, and a live actor is never reported Terminated."""

from casty import ActorRef, ActorSystem, Behavior, Terminated
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import Ctx, begins, does


async def test_b22_watch_works_on_live_dead_and_resolved_references(system: ActorSystem) -> None:
    live, dead = (system.spawn(does(lambda ctx, message: None)) for _ in range(2))
    address = dead.address
    dead.tell("stop")
    await settle()
    probe = TestProbe[object](system)

    def watches(ref: ActorRef[str]) -> Behavior[str]:
        def start(ctx: Ctx) -> Behavior[str]:
            ctx.watch(ref)
            return does(lambda ctx, message: probe.ref.tell(message))

        return begins(start)

    for ref in (live, dead, system.resolve(address)):
        system.spawn(watches(ref))
    assert await probe.receive_n(2) == [Terminated(dead), Terminated(dead)]
    assert await probe.receive_all() == []
    live.tell("stop")
    assert await probe.receive() == Terminated(live)
