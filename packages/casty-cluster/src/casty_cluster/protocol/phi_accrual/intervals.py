"""What a node's silence means, given the intervals at which it has answered so far.

Hayashibara, Défago, Yared, Katayama: "The φ Accrual Failure Detector" (2004). φ = -log10 of the probability that an
answer still comes after this silence; the normal distribution's tail is approximated by a logistic function, as in
Akka's `PhiAccrualFailureDetector`.
"""

from collections import deque
from math import exp, log10, sqrt
from typing import Final

LARGEST_EXPONENT: Final = 700.0
"""`exp` overflows above 709."""

_MICROSECONDS: Final = 1_000_000


def phi(silence: float, mean: float, deviation: float) -> float:
    """The suspicion after `silence` seconds, from 0.0 up."""
    y = (silence - mean) / deviation
    exponent = y * (1.5976 + 0.070566 * y * y)
    if silence > mean:
        tail = exp(-min(exponent, LARGEST_EXPONENT))
        return -log10(tail / (1.0 + tail))
    return -log10(1.0 - 1.0 / (1.0 + exp(min(-exponent, LARGEST_EXPONENT)))) + 0.0


class Intervals:
    """The latest intervals, in seconds. Each call takes the same short time, however many there are.

    Kept as whole microseconds, whose sums are exact: sums of floats that come and go would drift.
    """

    __slots__ = ("_kept", "_squares", "_sum")

    def __init__(self, size: int, estimate: float) -> None:
        """`estimate` stands for the mean until there is something to go by, with a quarter of it for the deviation."""
        self._kept: deque[int] = deque(maxlen=max(size, 2))
        self._sum = 0
        self._squares = 0
        self.add(estimate * 0.75)
        self.add(estimate * 1.25)

    def add(self, seconds: float) -> None:
        interval = round(seconds * _MICROSECONDS)
        if len(self._kept) == self._kept.maxlen:
            oldest = self._kept[0]
            self._sum -= oldest
            self._squares -= oldest * oldest
        self._kept.append(interval)
        self._sum += interval
        self._squares += interval * interval

    @property
    def mean(self) -> float:
        return self._sum / len(self._kept) / _MICROSECONDS

    @property
    def deviation(self) -> float:
        count = len(self._kept)
        return sqrt(count * self._squares - self._sum * self._sum) / count / _MICROSECONDS
