"""Checks whether what concurrent callers saw of an object could have happened one operation at a time."""

from casty.testing.linearizability.checker import NotLinearizableError as NotLinearizableError
from casty.testing.linearizability.checker import UndecidedError as UndecidedError
from casty.testing.linearizability.checker import Violation as Violation
from casty.testing.linearizability.checker import check_linearizable as check_linearizable
from casty.testing.linearizability.checker import find_violation as find_violation
from casty.testing.linearizability.history import UNKNOWN as UNKNOWN
from casty.testing.linearizability.history import History as History
from casty.testing.linearizability.history import Operation as Operation
from casty.testing.linearizability.model import Model as Model
from casty.testing.linearizability.model import outcome as outcome
from casty.testing.linearizability.models import CounterModel as CounterModel
from casty.testing.linearizability.models import LockModel as LockModel
from casty.testing.linearizability.models import MapKeyModel as MapKeyModel
from casty.testing.linearizability.models import QueueModel as QueueModel
from casty.testing.linearizability.models import RegisterModel as RegisterModel
from casty.testing.linearizability.models import SemaphoreModel as SemaphoreModel
from casty.testing.linearizability.models import SetModel as SetModel
