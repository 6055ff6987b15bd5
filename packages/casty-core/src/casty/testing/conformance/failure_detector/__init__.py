"""What every failure detector must do, as plain functions that raise `AssertionError`.

A detector's author runs them with three lines of pytest:

    @pytest.mark.parametrize("check", checks(DetectorPromises(detection=(4.5, 5.7), alone=6.0)))
    def test_conformance(check: Check) -> None:
        check(lambda context: create(context, Options()))

The checks run whole clusters of detectors on a virtual clock, over a network that delays, loses, duplicates and
reorders messages. `Network` is that network, and can serve a detector's own tests as well.
"""

from casty.testing.conformance.failure_detector.catalog import checks as checks
from casty.testing.conformance.failure_detector.network import Network as Network
from casty.testing.conformance.failure_detector.network import Weather as Weather
from casty.testing.conformance.failure_detector.registry import Check as Check
from casty.testing.conformance.failure_detector.registry import CreateDetector as CreateDetector
from casty.testing.conformance.failure_detector.registry import DetectorPromises as DetectorPromises
