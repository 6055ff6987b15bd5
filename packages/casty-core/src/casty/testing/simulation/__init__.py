"""Simulates whole systems in one process on virtual time. A seed decides about network, disks and crashes.

`docs/simulation.md` is the guide. The faults are in `casty.testing.simulation.faults`.
"""

from casty.testing.simulation import faults as faults
from casty.testing.simulation import plugin as plugin
from casty.testing.simulation.disk import Disk as Disk
from casty.testing.simulation.disk import DiskFaults as DiskFaults
from casty.testing.simulation.failures import HostCrashedError as HostCrashedError
from casty.testing.simulation.failures import SimulationFailedError as SimulationFailedError
from casty.testing.simulation.hosts import Host as Host
from casty.testing.simulation.links import Link as Link
from casty.testing.simulation.nemesis import nemesis as nemesis
from casty.testing.simulation.network import Cut as Cut
from casty.testing.simulation.network import Network as Network
from casty.testing.simulation.run import Run as Run
from casty.testing.simulation.run import simulate as simulate
from casty.testing.simulation.run import simulate_seeds as simulate_seeds
from casty.testing.simulation.run import simulated as simulated
from casty.testing.simulation.settings import Settings as Settings
from casty.testing.simulation.simulation import Simulation as Simulation
