"""A simulated machine: it runs one process at a time, which can be killed, paused and restarted."""

from asyncio import Future, Task, get_running_loop
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from random import Random
from typing import Any, Final, final

from casty.testing.simulation.disk import Disk
from casty.testing.simulation.failures import HostCrashedError
from casty.testing.simulation.loop import SimulatedLoop
from casty.testing.simulation.network import Network
from casty.testing.simulation.process import Process
from casty.testing.simulation.seeded import SeededEntropy, stream

type Main = Callable[[], Coroutine[Any, Any, object]]
"""A program: the main function of a process."""

CLOCK_START: Final = 1_000.0
"""Clocks start at a random time up to this second: readings of two hosts are not comparable."""


@final
class Host:
    """Created by `Simulation.host`. Code on it must communicate with other hosts only through the network."""

    def __init__(
        self,
        name: str,
        number: int,
        *,
        seed: int,
        loop: SimulatedLoop,
        network: Network,
        server: Disk,
        clock_rate: float,
    ) -> None:
        self.name = name
        self.loop = loop
        self.network = network
        self.disk = Disk(name, stream(seed, f"{name}/disk"), loop)
        self.server = server
        """The disk of `sim-database://`, which all hosts share and no host's crash affects."""
        self._number = number
        self._random: Random = stream(seed, name)
        self._clock_start = self._random.uniform(0.0, CLOCK_START)
        self._clock_rate = clock_rate
        self._wall_offset = 0.0
        self._process: Process | None = None
        self._main: Main | None = None
        self._callers: dict[Future[Any], None] = {}
        self._tasks: dict[Task[Any], None] = {}

    @property
    def is_up(self) -> bool:
        """Whether a process runs on it, or is paused."""
        return self._process is not None and not self._process.dead

    @property
    def is_paused(self) -> bool:
        return self.is_up and self.running().halted

    @property
    def was_started(self) -> bool:
        """Whether it has a program that `restart` can start again."""
        return self._main is not None

    def running(self) -> Process:
        """Its process. Raises RuntimeError if there is none."""
        if self._process is None or self._process.dead:
            raise RuntimeError(f"the host {self.name!r} is down; start it first: host.start(main), or host.restart()")
        return self._process

    def start(self, main: Main) -> None:
        """Boot, and run `main()`. If it raises, the whole run fails; when it returns, the host stays up."""
        if self.is_up:
            raise RuntimeError(f"the host {self.name!r} runs already; crash it first, or use host.run(function)")
        self._main = main
        self._boot()
        task = self._spawn(main, "main")
        task.add_done_callback(self._ended, context=copy_context())

    async def run[T](self, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a function on this host, which is booted if it is down, and return its result or raise its exception.

        Raises `HostCrashedError` if the host crashes in the meantime.
        """
        if not self.is_up:
            self._boot()
        caller: Future[T] = get_running_loop().create_future()
        self._callers[caller] = None
        task = self._spawn(function, "run")
        # In the caller's own context: the host may be paused by then, and the caller not.
        task.add_done_callback(lambda _: _pass_on(task, caller), context=copy_context())
        try:
            return await caller
        finally:
            del self._callers[caller]
            if not task.done():
                task.cancel()

    def crash(self, *, silent: bool = False) -> None:
        """Kill its process immediately, without running `finally` blocks; its writes in progress are stored, lost, or
        stored in part. Its machine resets its connections, unless it is `silent`, as without power. Does nothing if it
        is down.
        """
        if not self.is_up:
            return
        process = self.running()
        process.refuses = not silent
        self.loop.record("loses power" if silent else "is killed", self.name)
        self.loop.discard(process)
        self.disk.crash()
        self.server.client_crashed(self.name)
        for caller in self._callers:
            if not caller.done():
                caller.set_exception(HostCrashedError(f"the host {self.name!r} crashed before it was done"))
        self.network.tell()

    def restart(self, *, wipe: bool = False) -> None:
        """Start its program again, after a crash if it is up; with an empty disk if `wipe`."""
        if self._main is None:
            raise RuntimeError(f"the host {self.name!r} has never been started, so there is nothing to start again")
        self.crash()
        if wipe:
            self.disk.wipe()
        self.start(self._main)

    def pause(self) -> None:
        """Pause its process, as SIGSTOP does, while time passes. Does nothing if it is down."""
        if self.is_up and not self.is_paused:
            self.running().halted = True
            self.loop.record("is paused", self.name)
            self.network.tell()

    def resume(self) -> None:
        """Continue a paused process: everything that has become due happens now."""
        if self.is_paused:
            process = self.running()
            process.halted = False
            self.loop.record("goes on", self.name)
            self.loop.resume(process)
            self.network.tell()

    def set_wall_clock(self, offset: float) -> None:
        """Shift its wall clock by the given seconds from now on."""
        self._wall_offset = offset
        if self.is_up:
            self.running().entropy.wall_offset = offset

    def _boot(self) -> None:
        if self._process is not None:
            self._process.refuses = True
        entropy = SeededEntropy(Random(self._random.random()), self.loop.seconds)
        entropy.wall_offset = self._wall_offset
        self._process = Process(
            self.name, self._number, entropy=entropy, clock_start=self._clock_start, clock_rate=self._clock_rate
        )
        self._process.exit = self._exited
        self.loop.record("boots", self.name)
        self.network.tell()

    def _spawn[T](self, function: Callable[[], Coroutine[Any, Any, T]], name: str) -> Task[T]:
        context = self.running().context()
        context.run(HOST.set, self)
        coroutine = context.run(function)
        task = self.loop.create_task(coroutine, name=f"{self.name}/{name}", context=context)
        # An event loop keeps no reference to a task that waits for an otherwise unreferenced future.
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
        return task

    def _exited(self, code: object) -> None:
        self.loop.record(f"exits with {code!r}", self.name)
        self.crash()

    def _ended(self, main: Task[Any]) -> None:
        error = None if main.cancelled() else main.exception()
        if error is not None and not isinstance(error, SystemExit):
            error.add_note(f"This ended the program of the host {self.name!r}.")
            self.loop.fail(error)


HOST: Final[ContextVar[Host | None]] = ContextVar("casty_simulated_host", default=None)
"""The host of the running code."""


def this_host(what: str) -> Host:
    """The host of the running code. Raises RuntimeError, naming `what`, if it runs on none."""
    host = HOST.get()
    if host is None:
        raise RuntimeError(f"{what} belongs to a simulated host; open it there: host.start(main) or host.run(function)")
    return host


def _pass_on(task: Task[Any], caller: Future[Any]) -> None:
    if caller.done():
        if not task.cancelled():
            task.exception()
    elif task.cancelled():
        caller.cancel()
    elif (error := task.exception()) is not None:
        caller.set_exception(error)
    else:
        caller.set_result(task.result())
