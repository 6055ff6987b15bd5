"""What every serializer must do, as plain functions that raise `AssertionError`.

A serializer's author runs them with three lines of pytest:

    @pytest.mark.parametrize("check", checks())
    def test_conformance(check: Check) -> None:
        check(MySerializer)

`MySerializer` is whatever makes the serializer from the function that resolves references. The checks name their types
with `@message`, some of them anew for each release of a made-up program: a serializer has to ask
`casty.serialization.REGISTRY` for types, and a new one has to ask again. `checks(Capabilities(...))` leaves out what a
serializer does not promise.
"""

from casty.testing.conformance.serializer.catalog import checks as checks
from casty.testing.conformance.serializer.registry import Capabilities as Capabilities
from casty.testing.conformance.serializer.registry import Check as Check
from casty.testing.conformance.serializer.registry import Create as Create
