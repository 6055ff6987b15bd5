"""What is public is exactly what is re-exported, and every public name says what it promises."""

import ast
import contextlib
import dataclasses
import inspect
import subprocess
import sys

import casty
import casty_cluster
import pytest
from casty_cluster import _door

from tests.architecture.source import Module, source_modules

PUBLIC = {
    # systems and references
    "ActorAddress",
    "ActorRef",
    "ActorSystem",
    "BroadcastRef",
    "Request",
    "System",
    "run",
    # behaviors
    "ActorContext",
    "AllForOneStrategy",
    "Backoff",
    "Behavior",
    "Behaviors",
    "Directive",
    "Mailbox",
    "MailboxOverflowStrategy",
    "OneForOneStrategy",
    "RestForOneStrategy",
    "SupervisionStrategy",
    "ServiceKey",
    "RegionRef",
    "ShardEnvelope",
    # class-based actors
    "Actor",
    "CombinedRef",
    "Context",
    "LocalActorRef",
    "LocalRef",
    "Mergeable",
    "MultiChildStrategy",
    "SupervisorConfig",
    "on",
    "supervised",
    # routers
    "ConsistentHashing",
    "LeastMailbox",
    "RandomChoice",
    "RoundRobin",
    "RouterRef",
    # messages and events
    "ActorRestarted",
    "ActorStarted",
    "ActorStopped",
    "ActorSnapshot",
    "DeadLetter",
    "EventStream",
    "MailboxHighWater",
    "ShardMoved",
    "ShardStarted",
    "ShardStopped",
    "ShardUnavailable",
    "SlowHandler",
    "SpyEvent",
    "Subscription",
    "SuspendedHandler",
    "SystemSnapshot",
    "Terminated",
    "UnhandledMessage",
    # nodes and finding actors on them
    "Deregister",
    "Find",
    "Listing",
    "Member",
    "MemberLeft",
    "MemberStatus",
    "MemberUp",
    "NodeDowned",
    "NodeId",
    "NodeRejected",
    "NodeRejoined",
    "ReachableMember",
    "Register",
    "ServiceInstance",
    "Subscribe",
    "UnreachableMember",
    # event sourcing
    "EventEnvelope",
    "EventJournal",
    "InMemoryJournal",
    "JournalKind",
    "PersistedEvent",
    "Projection",
    "ReplicationConfig",
    "Snapshot",
    "SnapshotEvery",
    # serialization
    "event",
    "message",
    "upcast",
    # configuration
    "CastyConfig",
    "ClusterConfig",
    "load_config",
    # errors that users catch
    "ActorFailedError",
    "ActorNameError",
    "ActorStoppedError",
    "ArgumentError",
    "BehaviorError",
    "CastyError",
    "ConfigError",
    "DeadlockError",
    "DecodeError",
    "EncodeError",
    "JoinError",
    "JournalError",
    "JournalUnavailableError",
    "MailboxFullError",
    "NodeDownedError",
    "NodeLostError",
    "OverloadedError",
    "PartialAnswerError",
    "PluginError",
    "ProjectionError",
    "ReplicationTimeoutError",
    "ScopeError",
    "SequenceConflictError",
    "SerializationError",
    "StashOverflowError",
    "SystemStoppedError",
    "UnknownManifestError",
}

LAZY = {"ClusterClient", "ClusteredActorSystem", "PostgresJournal", "SqliteJournal"}
"""Names of other distributions, imported when they are first used."""

PUBLIC_TO_TESTS = {
    "BehaviorTestKit",
    "CommandResult",
    "EventSourcedTestKit",
    "LogEntry",
    "ManualClock",
    "TestInbox",
    "TestProbe",
    "manual_time",
    "settle",
    # effects
    "Asked",
    "Effect",
    "NoEffects",
    "Passivated",
    "PipedToSelf",
    "Restarted",
    "Spawned",
    "Stashed",
    "Stopped",
    "TimerCancelled",
    "TimerStarted",
    "Unhandled",
    "Unstashed",
    "Unwatched",
    "Watched",
    "WatchedWith",
}

PUBLIC_TO_SIMULATIONS = {
    "Cut",
    "Disk",
    "DiskFaults",
    "Host",
    "HostCrashedError",
    "Link",
    "Network",
    "Run",
    "Settings",
    "Simulation",
    "SimulationFailedError",
    "faults",
    "nemesis",
    "plugin",
    "simulate",
    "simulate_seeds",
    "simulated",
}

PUBLIC_TO_HISTORIES = {
    "CounterModel",
    "History",
    "LockModel",
    "MapKeyModel",
    "Model",
    "NotLinearizableError",
    "Operation",
    "QueueModel",
    "RegisterModel",
    "SemaphoreModel",
    "SetModel",
    "UNKNOWN",
    "UndecidedError",
    "Violation",
    "check_linearizable",
    "find_violation",
    "outcome",
}

OTHER_FACES = ("casty.actor", "casty.journal", "casty.projections", "casty.replication", "casty.spi", "casty.testing")
"""Modules beside `casty` itself that users and plugin authors import from."""

SENTENCES = "casty.testing.conformance."
"""Rooms full of functions whose names say what they promise."""


def module_named(name: str) -> Module:
    (found,) = (module for module in source_modules() if module.name == name)
    return found


def re_exports(module: Module) -> set[str]:
    """The names that a module exports on purpose: `X as X`."""
    return {
        alias.name
        for node in module.tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }


def undocumented(module: Module) -> list[str]:
    return [
        f"{module.name}.{node.name}"
        for node in module.tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if not node.name.startswith("_") and ast.get_docstring(node) is None
    ]


def has_docstring(name: str) -> bool:
    value: object = getattr(casty, name)
    text = inspect.getdoc(value) if inspect.isclass(value) or inspect.isfunction(value) else value.__doc__
    # A dataclass without a docstring gets its signature for one.
    return bool(text) and not str(text).startswith(f"{name}(")


@pytest.mark.parametrize(
    ("face", "listed"),
    [
        ("casty", PUBLIC),
        ("casty.testing", PUBLIC_TO_TESTS),
        ("casty.testing.linearizability", PUBLIC_TO_HISTORIES),
        ("casty.testing.simulation", PUBLIC_TO_SIMULATIONS),
    ],
)
def test_public_names_are_the_listed_ones(face: str, listed: set[str]) -> None:
    exported = re_exports(module_named(face))
    assert sorted(exported - listed) == []
    assert sorted(listed - exported) == []


def test_everything_in_the_init_is_an_export() -> None:
    tree = module_named("casty").tree
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(imported - PUBLIC - LAZY - {"TYPE_CHECKING", "__getattr__"}) == []


def test_lazy_names_are_those_of_their_doors() -> None:
    from casty import cluster, journal

    assert casty.ClusteredActorSystem is cluster.ClusteredActorSystem
    assert casty.SqliteJournal is journal.SqliteJournal
    assert casty.PostgresJournal is journal.PostgresJournal


def test_importing_casty_imports_no_other_distribution() -> None:
    program = "import casty, sys; print([name for name in sys.modules if name.startswith('casty_')])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_a_system_loads_its_plugins_and_neither_a_node_nor_structures() -> None:
    program = """if True:
        import asyncio, sys
        from casty import ActorSystem

        async def main():
            async with ActorSystem():
                pass

        asyncio.run(main())
        rooms = ("casty_cluster.plugin", "casty_cluster.system", "casty_cluster.node", "casty.coordination")
        print([name in sys.modules for name in rooms])
    """
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[True, False, False, False]"


def test_the_cluster_has_the_names_that_its_door_shows_to_type_checkers() -> None:
    imports = [node for node in ast.walk(module_named("casty_cluster").tree) if isinstance(node, ast.ImportFrom)]
    shown = {alias.name for node in imports for alias in node.names if alias.asname == alias.name}
    assert shown == _door.MODULES.keys()
    assert all(getattr(casty_cluster, name).__name__ == name for name in shown)
    with pytest.raises(AttributeError, match="module 'casty_cluster' has no attribute 'Nonsense'"):
        getattr(casty_cluster, "Nonsense")  # noqa: B009


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("TestProbe", "from casty.testing import TestProbe"),
        ("Distributed", "from casty.distributed import Distributed"),
        ("Nonsense", "has no attribute 'Nonsense'$"),
        ("__path_hooks__", "has no attribute '__path_hooks__'$"),
    ],
)
def test_a_name_that_is_elsewhere_is_an_error_that_says_where(name: str, hint: str) -> None:
    with pytest.raises(AttributeError, match=hint):
        getattr(casty, name)


def test_public_names_are_documented() -> None:
    exported = re_exports(module_named("casty"))
    assert exported
    assert [name for name in sorted(exported) if not has_docstring(name)] == []


def test_generic_values_can_be_made_with_their_type() -> None:
    """`ServiceKey[int]("x")` sets an attribute, and Python 3.12 lets no refusal pass but AttributeError.

    A frozen generic dataclass with slots refuses with TypeError, unless it says otherwise.
    """
    for name in sorted(re_exports(module_named("casty"))):
        value: object = getattr(casty, name)
        if inspect.isclass(value) and dataclasses.is_dataclass(value) and value.__type_params__:
            with contextlib.suppress(AttributeError):
                object.__new__(value).__orig_class__ = None  # pyright: ignore[reportAttributeAccessIssue]


def test_other_faces_are_documented() -> None:
    faces = [m for m in source_modules() if any(f"{m.name}.".startswith(f"{face}.") for face in OTHER_FACES)]
    described = [module for module in faces if not module.name.startswith(SENTENCES)]
    assert [name for module in described for name in undocumented(module)] == []


def test_lack_of_documentation_is_found() -> None:
    assert undocumented(Module("casty.spi.planted", "class Store: ...\ndef _inner(): ...")) == [
        "casty.spi.planted.Store"
    ]
