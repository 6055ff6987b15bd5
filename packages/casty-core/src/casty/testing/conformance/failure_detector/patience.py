"""Live nodes are not suspected because of passing trouble, nor because of trouble of the watching node."""

from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.failure_detector.network import Network, Weather
from casty.testing.conformance.failure_detector.registry import Checks, CreateDetector, DetectorPromises

check = Checks()


@check
def steady_nodes_are_never_suspected(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 5)
    network.run(3600.0)
    expect_equal("suspicions in an hour", network.mistakes, [])


@check
def in_bad_weather_mistakes_are_as_rare_as_promised(create: CreateDetector, promises: DetectorPromises) -> None:
    hours, size = 1, 5
    network = Network(create, size, weather=Weather(jitter=0.5, loss=0.1))
    network.run(hours * 3600.0)
    allowed = promises.mistakes * hours * size * (size - 1)
    expect(
        len(network.mistakes) <= allowed,
        f"{len(network.mistakes)} wrong suspicions in {hours} h, at most {allowed:.2f} are promised",
    )
    network.weather = Weather()
    network.run(60.0)
    for node in network.nodes:
        expect_equal(f"the suspects of {node} once the network is good", network.suspects_of(node), [])


@check
def stalls_of_others_are_forgiven(create: CreateDetector, promises: DetectorPromises) -> None:
    for seed in range(10):
        network = Network(create, 3, seed=seed)
        network.run(20.0)
        for _ in range(5):
            network.pause(network.random.choice(network.nodes), promises.forgiven)
            network.run(20.0 + network.random.random())
        expect_equal(f"seed {seed}: suspicions of nodes that stalled", network.mistakes, [])


@check
def own_pauses_cause_no_suspicion(create: CreateDetector, promises: DetectorPromises) -> None:
    for seed in range(20):
        network = Network(create, 3, seed=seed)
        sleeper = network.nodes[0]
        network.run(20.0 + network.random.random())
        network.pause(sleeper, 5.0 + seed * 5)
        network.run(15.0 + seed * 5)
        wrong = [(time, suspect) for time, observer, suspect in network.mistakes if observer == sleeper]
        expect_equal(f"seed {seed}: the suspects of a node that was delayed", wrong, [])


@check
def nothing_is_due_in_the_past(create: CreateDetector, promises: DetectorPromises) -> None:
    """The shell that runs a detector would take that for a pause of its own, as the detector itself might."""
    network = Network(create, 8, weather=Weather(jitter=0.3, loss=0.2))
    network.run(60.0)
    network.crash(network.nodes[3])
    network.isolate(network.nodes[5])
    network.run(60.0)
    network.heal()
    network.run(60.0)
    expect_equal("deadlines before the time at which they were set", network.overdue, [])


@check
def a_node_that_has_not_ticked_yet_suspects_no_other(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 3)
    one, other, _ = network.nodes
    detector = network.detectors[one]
    network.run(20.0)
    later = network.now + 20.0
    expect_equal("the suspects of a node as it wakes up", sorted(detector.suspects(later)), [])
    before = detector.suspicion(other, later)
    detector.tick(later)
    expect_equal("its suspects after its first tick", sorted(detector.suspects(later)), [])
    after = detector.suspicion(other, later)
    expect_equal("the suspicion before and after that tick", before, after)


@check
def a_node_that_dies_during_ones_own_pause_is_suspected_in_the_end(
    create: CreateDetector, promises: DetectorPromises
) -> None:
    network = Network(create, 3)
    sleeper, dead, _ = network.nodes
    network.run(20.0)
    network.pause(sleeper, 10.0)
    network.run(1.0)
    network.crash(dead)
    network.run(9.0 + 2 * promises.detection[1] + promises.forgiven)
    expect_equal("the suspects of a node that was delayed", network.suspects_of(sleeper), [dead])


@check
def frames_of_any_kind_are_signs_of_life(create: CreateDetector, promises: DetectorPromises) -> None:
    """If probes are lost and other frames are not."""
    network = Network(create, 2, weather=Weather(loss=1.0))
    one, other = network.nodes
    for _ in range(round(10 * promises.detection[1] / 0.25)):
        network.run(0.25)
        network.detectors[one].heard(other, network.now)
    expect_equal("the suspects of a node that receives frames of the other", network.suspects_of(one), [])
    network.run(2 * promises.detection[1])
    expect_equal("its suspects once it receives nothing more", network.suspects_of(one), [other])


@check
def other_frames_do_not_make_a_detector_nervous(create: CreateDetector, promises: DetectorPromises) -> None:
    """A thousand frames per second say nothing about the regularity of replies to probes."""
    network = Network(create, 2)
    one, other = network.nodes
    for _ in range(20_000):
        network.run(0.001)
        network.detectors[one].heard(other, network.now)
    network.pause(other, promises.forgiven)
    network.run(60.0)
    expect_equal("suspicions of a node that stalled", network.mistakes, [])


@check
def where_the_clock_begins_means_nothing(create: CreateDetector, promises: DetectorPromises) -> None:
    def history(start: float) -> list[tuple[float, int]]:
        network = Network(create, 4, start=start)
        dead = network.nodes[3]
        found: list[tuple[float, int]] = []
        for step in range(300):
            if step == 100:
                network.crash(dead)
            network.run(0.125)
            found.append((step, len(network.suspected_by(dead))))
        return found

    wanted = history(0.0)
    for start in (-86_400.0, 2.0**20, 1.75e9):
        expect_equal(f"the times of suspicions, on a clock that starts at {start}", history(start), wanted)
