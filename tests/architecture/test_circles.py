"""Which modules import each other in a circle, imports for the type checker included, and why each circle is left."""

from collections.abc import Iterator, Mapping, Sequence

from tests.architecture.source import Module, all_imports, source_modules
from tests.architecture.test_layers import DOORS

REASONS = {
    ("casty.runtime.cell", "casty.runtime.extras"): (
        "an actor, and what only some actors have: its children and its watches are cells again"
    ),
    (
        "casty.testing.simulation.connecting",
        "casty.testing.simulation.connection",
        "casty.testing.simulation.hosts",
        "casty.testing.simulation.network",
        "casty.testing.simulation.transport",
    ): "the simulated network knows the endpoints that it carries frames between, and they know it",
    ("casty_cluster.remoting.delivery", "casty_cluster.remoting.refs"): (
        "a reference to another node delivers through what makes such references of addresses"
    ),
}


def imports(modules: Sequence[Module]) -> dict[str, list[str]]:
    """What each module imports of ours. A door is exempt from naming the distribution that it opens to."""
    graph: dict[str, list[str]] = {module.name: [] for module in modules}
    for found in all_imports(modules):
        opens = found.importer in DOORS and not found.module.startswith("casty.")
        if found.module in graph and not opens:
            graph[found.importer].append(found.module)
    return graph


def circles(graph: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """The strongly connected components of more than one module, by Tarjan's algorithm without its recursion."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: dict[str, None] = {}
    found: list[tuple[str, ...]] = []
    for root in graph:
        path: list[tuple[str, Iterator[str]]] = [] if root in index else [(root, iter(graph[root]))]
        while path:
            module, targets = path[-1]
            if module not in index:
                index[module] = low[module] = len(index)
                stack[module] = None
            target = next((target for target in targets if target not in index or target in stack), None)
            if target is None:
                path.pop()
                if low[module] == index[module]:
                    members: list[str] = []
                    while not members or members[-1] != module:
                        members.append(stack.popitem()[0])
                    if len(members) > 1:
                        found.append(tuple(sorted(members)))
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[module])
            elif target in index:
                low[module] = min(low[module], index[target])
            else:
                path.append((target, iter(graph[target])))
    return sorted(found)


def test_every_circle_that_is_left_has_its_reason() -> None:
    assert circles(imports(source_modules())) == sorted(REASONS)


def test_circles_are_found_at_any_length_and_depth() -> None:
    ring = {str(number): [str((number + 1) % 5_000)] for number in range(5_000)}
    assert [len(circle) for circle in circles(ring)] == [5_000]
    assert circles({"a": ["b", "c"], "b": ["a"], "c": ["d"], "d": ["c", "e"], "e": []}) == [("a", "b"), ("c", "d")]
    assert circles({"a": ["b", "c"], "b": ["c"], "c": []}) == []


def test_an_import_for_the_type_checker_closes_a_circle() -> None:
    above = Module("casty.above", "import casty.below")
    below = Module("casty.below", "if TYPE_CHECKING:\n    from casty.above import Above")
    assert circles(imports([above, below])) == [("casty.above", "casty.below")]


def test_only_a_door_may_name_what_it_opens_to() -> None:
    text = "if TYPE_CHECKING:\n    from casty_cluster import system"
    cluster = Module("casty_cluster.system", "import casty.cluster\nimport casty.ref")
    door, ref = Module("casty.cluster", text), Module("casty.ref", text)
    assert circles(imports([cluster, door, ref])) == [("casty.ref", "casty_cluster.system")]
