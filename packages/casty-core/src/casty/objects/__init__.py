"""Class-based actors: a class is compiled to a behavior, and the runtime knows nothing of classes."""

from casty.objects.actor import Actor as Actor
from casty.objects.actor import Context as Context
from casty.objects.handlers import on as on
from casty.objects.merging import Mergeable as Mergeable
from casty.objects.refs import CombinedRef as CombinedRef
from casty.objects.refs import LocalActorRef as LocalActorRef
from casty.objects.refs import LocalRef as LocalRef
from casty.objects.supervision import MultiChildStrategy as MultiChildStrategy
from casty.objects.supervision import SupervisorConfig as SupervisorConfig
from casty.objects.supervision import supervised as supervised
