"""Output commit is written once, in the base class of references; each other place has its reason."""

from tests.architecture.source import all_imports, source_modules

FLAG = "casty.output_commit.OPEN"

REASONS = {
    "casty.ref": "the base class, for every kind of reference",
    "casty.objects.family": "a command that creates a class-based actor does not wait for its start",
    "casty.persistence.outbox": "opens and closes the output of a command",
    "casty.runtime.cell": "`tell` of local references, inlined for speed; `offer`, which may wait; notices of timers",
    "casty.runtime.routed": "references to an actor found for each message; a full mailbox raises in the teller only",
    "casty.runtime.ask": "an ask of a command's own handler, which cannot wait for its events; asks that run inline",
    "casty.runtime.children": "an actor that a command spawns starts when the events are durable",
    "casty.runtime.system": "`tick` and `schedule`",
    "casty.testing.simulation.isolation": "forgets the commands of hosts that have crashed",
    "casty_cluster.remoting.refs": "an ask of another node's actor, which is no tell",
}


def test_nothing_else_looks_at_the_commands_in_flight() -> None:
    looking = {found.importer for found in all_imports(source_modules()) if found.target == FLAG}
    assert looking == REASONS.keys()
