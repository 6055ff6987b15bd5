"""Which exceptions end the running code from outside, and which are failures of the code that raised them."""

from asyncio import CancelledError, current_task


def interrupts(error: BaseException) -> bool:
    """Whether `error` asks the running code to end: the program ends, or the running task has been cancelled.

    Anything else is a failure like any other. That includes a `CancelledError` without a cancellation of the running
    task: the code awaited something that was cancelled, such as a request of a shared client that was closed.
    """
    if isinstance(error, CancelledError):
        task = current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit)
