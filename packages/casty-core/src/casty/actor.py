"""The vocabulary of actors in one place, for those who like to import it from here."""

from casty.behaviors.context import ActorContext as ActorContext
from casty.behaviors.factory import Behaviors as Behaviors
from casty.behaviors.persistent import SnapshotEvery as SnapshotEvery
from casty.behaviors.values import Behavior as Behavior
from casty.mailbox import Mailbox as Mailbox
from casty.mailbox import MailboxOverflowStrategy as MailboxOverflowStrategy
from casty.ref import ActorRef as ActorRef
