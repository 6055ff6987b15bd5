"""Casty's failure detectors pass everything."""

import pytest
from casty.spi.failure_detector import DetectorContext, FailureDetector
from casty.testing.conformance.failure_detector import Check, DetectorPromises, checks
from casty_cluster.protocol.phi_accrual import PhiAccrualDetector, PhiAccrualOptions
from casty_cluster.protocol.swim import SwimDetector, SwimOptions

PHI_ACCRUAL = DetectorPromises(detection=(4.5, 5.7), alone=5.7)
SWIM = DetectorPromises(detection=(4.5, 12.0), alone=80.0)


def phi_accrual(context: DetectorContext) -> FailureDetector:
    return PhiAccrualDetector(context, PhiAccrualOptions())


def swim(context: DetectorContext) -> FailureDetector:
    return SwimDetector(context, SwimOptions())


@pytest.mark.parametrize("check", checks(PHI_ACCRUAL))
def test_phi_accrual(check: Check) -> None:
    check(phi_accrual)


@pytest.mark.parametrize("check", checks(SWIM))
def test_swim(check: Check) -> None:
    check(swim)
