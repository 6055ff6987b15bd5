"""Tools for tests of actors. Casty itself imports none of them."""

from casty.testing.behavior_kit import BehaviorTestKit as BehaviorTestKit
from casty.testing.clock import ManualClock as ManualClock
from casty.testing.clock import manual_time as manual_time
from casty.testing.effects import Asked as Asked
from casty.testing.effects import Effect as Effect
from casty.testing.effects import NoEffects as NoEffects
from casty.testing.effects import Passivated as Passivated
from casty.testing.effects import PipedToSelf as PipedToSelf
from casty.testing.effects import Restarted as Restarted
from casty.testing.effects import Spawned as Spawned
from casty.testing.effects import Stashed as Stashed
from casty.testing.effects import Stopped as Stopped
from casty.testing.effects import TimerCancelled as TimerCancelled
from casty.testing.effects import TimerStarted as TimerStarted
from casty.testing.effects import Unhandled as Unhandled
from casty.testing.effects import Unstashed as Unstashed
from casty.testing.effects import Unwatched as Unwatched
from casty.testing.effects import Watched as Watched
from casty.testing.effects import WatchedWith as WatchedWith
from casty.testing.event_sourced_kit import CommandResult as CommandResult
from casty.testing.event_sourced_kit import EventSourcedTestKit as EventSourcedTestKit
from casty.testing.inbox import TestInbox as TestInbox
from casty.testing.probe import TestProbe as TestProbe
from casty.testing.recording import LogEntry as LogEntry
from casty.testing.settling import settle as settle
