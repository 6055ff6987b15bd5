"""The end of the process: SIGTERM as a request to leave the cluster in order, and the final error or exit code."""

import asyncio
import logging
import signal
import threading
from typing import Final

logger = logging.getLogger("casty.cluster")

TERMINATED: Final = 128 + signal.SIGTERM


class Termination:
    """Ends the task that entered the actor system, which then shuts it down."""

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self._outcome: BaseException | None = None
        """What `async with` raises in the end."""
        self._listening = False
        self._is_stopping = False

    def listen(self) -> None:
        """Handle SIGTERM from now on, unless the program handles it already or this is not the main thread."""
        self._task = asyncio.current_task()
        self._outcome, self._is_stopping = None, False
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            try:
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._on_signal)
            except RuntimeError:
                return  # an event loop without signals, as on Windows or in a simulation
            self._listening = True

    def stopping(self) -> None:
        """The system is shutting down: there is nothing left to cancel, and SIGTERM does not interrupt it."""
        self._is_stopping = True

    def stop_listening(self) -> None:
        """From now on SIGTERM ends the process at once."""
        if self._listening:
            self._listening = False
            asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)

    def end(self, outcome: BaseException) -> None:
        """Shut down, and have `async with` raise that. The first outcome counts."""
        if self._task is None or self._task.done():
            return
        self._outcome = self._outcome or outcome
        if not self._is_stopping:
            self._task.cancel()

    def finish(self, error: BaseException | None) -> None:
        """The system has stopped. Raises the outcome, unless the program has failed by itself."""
        self.stop_listening()
        outcome, self._outcome, task, self._task = self._outcome, None, self._task, None
        if outcome is None or not (error is None or isinstance(error, asyncio.CancelledError)):
            return
        if task is not None and error is not None:
            task.uncancel()
        raise outcome from None

    def _on_signal(self) -> None:
        logger.info("SIGTERM: this node leaves the cluster and ends; another SIGTERM ends it at once")
        self.stop_listening()
        self.end(SystemExit(TERMINATED))
