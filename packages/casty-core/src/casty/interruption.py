"""Which exceptions end the running code from outside, and which are failures of the code that raised them.

User code may raise anything at all: test frameworks and other libraries have signals of their own that are no
`Exception`. Code that calls it catches `BaseException`, and then asks here whether to treat that as a failure.
"""

from asyncio import CancelledError, Task, current_task
from collections.abc import Sequence
from typing import cast


def interrupts(error: BaseException) -> bool:
    """Whether `error` asks the running code to end: the program ends, or the running task has been cancelled.

    Anything else is a failure like any other. That includes a `CancelledError` without a cancellation of the running
    task: the code awaited something that was cancelled, such as a request of a shared client that was closed.
    """
    if isinstance(error, Exception):
        return False
    if isinstance(error, CancelledError):
        task = current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, GeneratorExit) or _end_of_program(error) is not None


def raise_unless_failure(error: BaseException, task: "Task[object] | None" = None) -> None:
    """Return if `error` is a failure of the user code that `task` awaited; otherwise raise what has to travel on.

    Without a `task`, the code was called and not awaited: then a cancellation cannot be ours. A group that holds a
    `KeyboardInterrupt` or `SystemExit` ends the program by that one: a group of them would not end an event loop.
    """
    match error:
        case Exception():
            return
        case CancelledError():
            if task is not None and task.cancelling():
                raise error
        case GeneratorExit():
            if task is not None and not _runs(task):
                raise error  # the coroutine is being closed, and may not await anything more
        case _:
            end = _end_of_program(error)
            if end is not None:
                raise end


def readable(error: BaseException) -> BaseException:
    """`error`, or another one in its place if it raises where its class is read, as `isinstance` does."""
    try:
        _ = error.__class__
    except BaseException as broken:
        raise_unless_failure(broken)
        return RuntimeError(f"{type(error).__qualname__} (its __class__ raises {type(broken).__qualname__})")
    return error


def described(error: BaseException) -> str:
    """The error as `repr` has it, which an error of a user's own may fail to give."""
    try:
        return repr(error)
    except BaseException as broken:
        raise_unless_failure(broken)
        return f"{type(error).__qualname__} (its repr raises {type(broken).__qualname__})"


def _end_of_program(error: BaseException) -> KeyboardInterrupt | SystemExit | None:
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return error
    if isinstance(error, BaseExceptionGroup):
        errors = cast("Sequence[BaseException]", error.exceptions)
        return next(filter(None, map(_end_of_program, errors)), None)
    return None


def _runs(task: "Task[object]") -> bool:
    try:
        return current_task() is task
    except RuntimeError:  # no event loop runs: the garbage collector closes what one has left behind
        return False
