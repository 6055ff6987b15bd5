"""One watched node: its signs of life, and how suspicious its silence is."""

from casty_cluster.protocol.phi_accrual.intervals import Intervals, phi
from casty_cluster.protocol.phi_accrual.options import PhiAccrualOptions


class Watch:
    """A node's signs of life. All stamps are seconds of the detector's clock."""

    __slots__ = ("_answered", "_intervals", "_lag", "_options", "_sign", "echo", "probe_nr")

    def __init__(self, options: PhiAccrualOptions, echo: int, now: float) -> None:
        self._options = options
        self._intervals = Intervals(options.max_sample_size, options.first_heartbeat_estimate_ms / 1000)
        self._sign = now
        """The last sign of life of any kind; at first, the moment from which one is expected."""
        self._answered: float | None = None
        """The last answer, as long as the next one makes an interval with it."""
        self._lag = 0.0
        self.echo = echo
        """The number of the latest probe that it has answered, or that was sent before it was watched."""
        self.probe_nr = 0
        """The number of its own latest probe."""

    def answered(self, echo: int, now: float) -> None:
        if self._answered is not None:
            self._intervals.add(now - self._answered)
        self._answered = self._sign = now
        self.echo = echo

    def heard(self, now: float) -> None:
        """A sign of life that is no answer, and so makes no interval."""
        self._sign = now

    def lags(self, seconds: float) -> None:
        """The node reports how late its event loop is, which is tolerated up to once more the acceptable pause."""
        self._lag = min(seconds, self._options.acceptable_heartbeat_pause_ms / 1000)

    def restart(self) -> None:
        """The node was unreachable: the time until its next answer is no interval."""
        self._answered = None

    def move_on(self, gap: float, now: float) -> None:
        """Move on as if the last `gap` seconds had not passed."""
        self._sign = min(self._sign + gap, now)
        if self._answered is not None:
            self._answered = min(self._answered + gap, now)

    def phi(self, now: float) -> float:
        pause = self._options.acceptable_heartbeat_pause_ms / 1000 + self._lag
        deviation = max(self._intervals.deviation, self._options.min_std_deviation_ms / 1000)
        return phi(now - self._sign, self._intervals.mean + pause, deviation)
