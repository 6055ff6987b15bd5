"""What every downing strategy must do, as plain functions that raise `AssertionError`.

A strategy's author runs them with three lines of pytest:

    @pytest.mark.parametrize("check", checks(DowningPromises()))
    def test_conformance(check: Check) -> None:
        check(lambda: create(Options()))

The checks try every way in which the links of a small cluster can be cut. `worlds` generates these, and can serve a
strategy's own tests as well.
"""

from casty.testing.conformance.downing.catalog import checks as checks
from casty.testing.conformance.downing.registry import Check as Check
from casty.testing.conformance.downing.registry import CreateStrategy as CreateStrategy
from casty.testing.conformance.downing.registry import DowningPromises as DowningPromises
