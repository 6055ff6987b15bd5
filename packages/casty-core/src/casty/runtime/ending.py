"""The two halves of an actor system's end. What a node does to leave its cluster comes between them."""

from casty.event_stream import EventStream
from casty.runtime.children import end_family
from casty.runtime.kernel import Kernel


async def end_actors(kernel: Kernel) -> None:
    """Stop the users' actors. What is sent from here on, or still waits, becomes a dead letter."""
    kernel.dead_letters.begin_shutdown()
    kernel.threads.stop()
    await kernel.timers.cancel_all()
    kernel.patience.hurry()
    await end_family(kernel.root)


async def end_services(kernel: Kernel, event_stream: EventStream) -> None:
    """Stop what the users' actors needed, journals last, whatever is raised before. Raises what closing them raised."""
    try:
        await end_family(kernel.internal)
        await kernel.threads.close()
        await kernel.asks.close()
        kernel.dispatcher.close()
        await _end_subscribers(kernel, event_stream)
        kernel.dead_letters.end_shutdown()
    finally:
        await _close_journals(kernel)


async def _end_subscribers(kernel: Kernel, event_stream: EventStream) -> None:
    """Async subscribers finish with what they were given, in their time."""
    if running := event_stream.running:
        await kernel.patience.let_end(running, "async subscribers of the event stream")


async def _close_journals(kernel: Kernel) -> None:
    patience = kernel.patience
    error = await patience.see_through(kernel.journals.close, "closing the journals", patience.whole)
    await patience.end(kernel.journals.tasks, "a task of a journal")
    if error is not None:
        raise error
