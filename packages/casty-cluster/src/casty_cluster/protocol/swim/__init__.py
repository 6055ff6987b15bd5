"""The failure detector `swim`: each node probes one other at a time, and all tell each other what they find."""

from casty_cluster.protocol.swim.detector import SwimDetector as SwimDetector
from casty_cluster.protocol.swim.options import SwimOptions as SwimOptions
