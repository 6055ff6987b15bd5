"""Output commit is written once, in the base class of references; each other place has its reason."""

from tests.architecture.source import all_imports, source_modules

FLAG = "casty.output_commit.OPEN"

REASONS = {
    "casty.ref": "the base class, for every kind of reference",
    "casty.persistence.outbox": "opens and closes the output of a command",
    "casty.runtime.cell": "`tell` of local references, inlined for speed; `offer`, which may wait",
    "casty.runtime.ask": "an ask of a command's own handler, which cannot wait for its events",
    "casty.runtime.children": "an actor that a command spawns starts when the events are durable",
    "casty.runtime.posting": "messages of timers and watches, which bypass references",
    "casty.runtime.system": "`tick` and `schedule`",
    "casty.extension": "may an ask that came from elsewhere run in place",
    "casty.testing.simulation.isolation": "forgets the commands of hosts that have crashed",
    "casty_cluster.remoting.delivery": "may an ask of another node run in place",
    "casty_cluster.remoting.refs": "an ask of another node's actor, which is no tell",
}


def test_nothing_else_looks_at_the_commands_in_flight() -> None:
    looking = {found.importer for found in all_imports(source_modules()) if found.target == FLAG}
    assert looking == REASONS.keys()
