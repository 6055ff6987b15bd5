"""The structures, each a machine: commands and time in, facts and replies out."""

from casty.coordination.structures.bucket import Bucket as Bucket
from casty.coordination.structures.counter import Counter as Counter
from casty.coordination.structures.members import Members as Members
from casty.coordination.structures.permits import Permits as Permits
from casty.coordination.structures.queue import Queue as Queue
from casty.coordination.structures.register import Register as Register
from casty.coordination.structures.rendezvous import Rendezvous as Rendezvous
