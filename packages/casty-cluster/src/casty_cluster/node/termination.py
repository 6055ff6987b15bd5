"""The end of the process: SIGTERM as a wish to leave the cluster in good order, and exit codes."""

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
        self._code: int | None = None
        self._listening = False

    def listen(self) -> None:
        """From now on SIGTERM is ours, unless somebody handles it already or this is not the main thread."""
        self._task = asyncio.current_task()
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            try:
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._on_signal)
            except RuntimeError:
                return  # an event loop without signals, as on Windows or in a simulation
            self._listening = True

    def stop_listening(self) -> None:
        """A second SIGTERM ends the process at once."""
        if self._listening:
            self._listening = False
            asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)

    def exit(self, code: int) -> None:
        """Shut down, and end the process with that code."""
        if self._task is not None and not self._task.done():
            self._code = code
            self._task.cancel()

    def finish(self, error: BaseException | None) -> None:
        """The system has stopped. Raises SystemExit where that was our doing."""
        code, self._code, self._task = self._code, None, None
        if code is not None and isinstance(error, asyncio.CancelledError):
            raise SystemExit(code) from None

    def _on_signal(self) -> None:
        logger.info("SIGTERM: this node leaves the cluster and ends; another one ends it at once")
        self.stop_listening()
        self.exit(TERMINATED)
