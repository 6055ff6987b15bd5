"""Who is a member of the cluster: what the members tell each other of it, and how all come to agree."""

from casty_cluster.protocol.membership.machine import Membership as Membership
from casty_cluster.protocol.membership.settings import MembershipSettings as MembershipSettings
from casty_cluster.wire.membership import Message as Message
