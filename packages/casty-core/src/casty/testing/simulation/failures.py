"""How a simulation says that something went wrong."""

from casty.errors import CastyError


class SimulationFailedError(AssertionError):
    """The run itself failed: it came to a standstill, never ended, broke an invariant or was not the same twice."""


class HostCrashedError(CastyError):
    """The host on which something was run is gone, and nobody will ever know how far it got."""
