"""The failure detector `swim`: each node probes one other at a time, and spreads what it finds as rumours."""

from casty_cluster.protocol.swim.detector import SwimDetector as SwimDetector
from casty_cluster.protocol.swim.options import SwimOptions as SwimOptions
