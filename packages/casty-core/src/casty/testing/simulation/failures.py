"""The errors of a simulation."""

from casty.errors import CastyError


class SimulationFailedError(AssertionError):
    """The run itself failed: it deadlocked, never ended, broke an invariant or was not deterministic."""


class HostCrashedError(CastyError):
    """The host that ran a function has crashed; how far the function got is unknown."""
