"""The one loop that runs the machines of `protocol`: it gives them the time, and hands their effects to a shell.

The shell is a function with one `match` over the effects. It may hand in further inputs while it carries out an effect:
they are handled once the effects of the present input have been carried out, so that no input sees half of another's.
"""

from collections import deque
from collections.abc import Callable
from typing import ClassVar, Final, final

from casty.clock import Clock, TimerHandle
from casty.interruption import raise_unless_failure
from casty.printable import printable

from casty_cluster.protocol.machine import Machine, Tick

REMEMBERED: Final = 32
RETRY: Final = 1.0
"""Seconds before the next tick of a machine that has raised: its deadline may still be in the past."""


@final
class Driver[Input, Effect]:
    """Runs one machine until `stop`.

    `carry_out` is called with each effect, in order; one that raises does not keep the machine from its other effects.
    `due` is called when the machine's deadline has come; without it the driver hands in the `Tick` itself. An actor
    passes a function that sends it a message, and hands in the `Tick` on its own turn.

    What a machine or an effect raises travels on to the caller of `handle`, with the machine's `story` as a note.
    """

    validates: ClassVar = False
    """Whether all drivers check their machine's invariants after each input: tests switch it on."""

    def __init__(
        self,
        machine: Machine[Input, Effect],
        clock: Clock,
        carry_out: Callable[[Effect], None],
        *,
        due: Callable[[], None] | None = None,
        remembered: int = REMEMBERED,
    ) -> None:
        """`remembered`: inputs in the story; 0 for a machine that carries users' messages, which may be large."""
        self._machine = machine
        self._clock = clock
        self._carry_out = carry_out
        self._alarm = Alarm(clock, due or self._tick)
        self._inputs = deque[Input | Tick]()
        self._steps = deque[tuple[float, Input | Tick, object]](maxlen=remembered)
        self._busy = self._stopped = False

    def handle(self, given: Input | Tick) -> None:
        """Have the machine take an input, and carry out what it returns. Does nothing after `stop`."""
        if self._stopped:
            return
        self._inputs.append(given)
        if self._busy:
            return
        failures, earliest = list[BaseException](), self._clock.time()
        self._busy = True
        try:
            while self._inputs and not self._stopped:
                earliest = self._step(self._inputs.popleft(), failures)
        finally:
            self._busy = False
            due = None if self._stopped else self._machine.next_deadline()
            self._alarm.set(None if due is None else max(due, earliest))
        if failures:
            raise self._with_story(failures)

    def stop(self) -> None:
        """Take no more inputs. Effects that have not been carried out yet are dropped."""
        self._stopped = True
        self._alarm.stop()

    def story(self) -> str:
        """The last inputs and what the machine returned, one line each, oldest first."""
        return "\n".join(f"{now:.3f} {_shown(given)} -> {_shown(effects)}" for now, given, effects in self._steps)

    def _step(self, given: Input | Tick, failures: list[BaseException]) -> float:
        """Handle one input to its end. Returns when the next tick may come at the earliest."""
        now = self._clock.time()
        try:
            effects = self._machine.handle(given, now)
            self._steps.append((now, given, effects))
            if Driver.validates:
                self._machine.validate()
        except BaseException as error:
            raise_unless_failure(error)
            self._steps.append((now, given, error))
            failures.append(error)
            return now + RETRY
        for effect in effects:
            if self._stopped:
                break
            try:
                self._carry_out(effect)
            except BaseException as error:
                raise_unless_failure(error)
                failures.append(error)
        return now

    def _with_story(self, failures: list[BaseException]) -> BaseException:
        first, *others = failures
        first.add_note(f"the last inputs of {type(self._machine).__name__}, and their effects:\n{self.story()}")
        for other in others:
            first.add_note(f"and then: {_shown(other)}")
        return first

    def _tick(self) -> None:
        self.handle(Tick())


class Alarm:
    """One timer, which calls back once the deadline that was set last has come."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._due: float | None = None
        self._timer: TimerHandle | None = None

    def set(self, due: float | None) -> None:
        """Replace the deadline; None: there is none."""
        if due == self._due:
            return
        self.stop()
        if due is not None:
            self._due = due
            self._timer = self._clock.call_later(max(0.0, due - self._clock.time()), self._fire)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = self._timer = None

    def _fire(self) -> None:
        self._due = self._timer = None
        self._ring()


def _shown(value: object) -> str:
    """A value on one line. It may hold a user's object, whose `repr` may raise."""
    try:
        return printable(repr(value))
    except Exception as error:
        return f"{type(value).__qualname__} (its repr raises {type(error).__qualname__})"
