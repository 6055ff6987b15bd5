"""A network of SWIM detectors whose insides a test may look at."""

from casty.member import NodeId
from casty.testing.conformance.failure_detector import Network, Weather
from casty_cluster.protocol.swim import SwimDetector, SwimOptions
from casty_cluster.wire.swim import Message, decode


def swim_network(
    size: int, *, seed: int = 0, weather: Weather | None = None, options: SwimOptions | None = None
) -> Network:
    return Network(lambda context: SwimDetector(context, options or SwimOptions()), size, seed=seed, weather=weather)


def swim_of(network: Network, node: NodeId) -> SwimDetector:
    detector = network.detectors[node]
    assert isinstance(detector, SwimDetector)
    return detector


def decoded(payload: bytes) -> Message:
    message = decode(payload)
    assert message is not None
    return message
