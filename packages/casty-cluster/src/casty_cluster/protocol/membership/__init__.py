"""The members of the cluster: how they exchange what they know, and come to agree."""

from casty_cluster.protocol.membership.machine import Membership as Membership
from casty_cluster.protocol.membership.settings import MembershipSettings as MembershipSettings
from casty_cluster.wire.membership import Message as Message
