"""What every allocation strategy must do, as plain functions that raise `AssertionError`.

A strategy's author runs them with three lines of pytest:

    @pytest.mark.parametrize("check", checks(AllocationPromises()))
    def test_conformance(check: Check) -> None:
        check(lambda: create(Options()))
"""

from casty.testing.conformance.allocation.catalog import checks as checks
from casty.testing.conformance.allocation.registry import AllocationPromises as AllocationPromises
from casty.testing.conformance.allocation.registry import Check as Check
from casty.testing.conformance.allocation.registry import CreateStrategy as CreateStrategy
