"""Read models: rows that follow a journal's events, each counted once."""

from casty.projections.offsets import InMemoryOffsets as InMemoryOffsets
from casty.projections.projection import Projection as Projection
from casty.projections.projector import Handler as Handler
from casty.projections.projector import Reset as Reset
from casty.projections.values import Lag as Lag
from casty.projections.values import OnError as OnError
from casty.projections.values import Slice as Slice
from casty.spi.event_journal import EventEnvelope as EventEnvelope
from casty.spi.offset_store import OffsetStore as OffsetStore
from casty.spi.offset_store import OffsetTransaction as OffsetTransaction
from casty.spi.offset_store import OpenOffsets as OpenOffsets
