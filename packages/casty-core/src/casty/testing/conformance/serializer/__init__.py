"""What every serializer must do, as plain functions that raise `AssertionError`.

A serializer's author runs them with three lines of pytest:

    @pytest.mark.parametrize("check", checks())
    def test_conformance(check: Check) -> None:
        check(MySerializer)

`MySerializer` is any callable that creates the serializer from the function that resolves references. The checks
register their types with `@message`, some of them anew for each release of a fictitious program: so a serializer must
look types up in `casty.serialization.REGISTRY`, and a new serializer must look them up again.
`checks(Capabilities(...))` omits checks that the capabilities do not require.
"""

from casty.testing.conformance.serializer.catalog import checks as checks
from casty.testing.conformance.serializer.registry import Capabilities as Capabilities
from casty.testing.conformance.serializer.registry import Check as Check
from casty.testing.conformance.serializer.registry import Create as Create
