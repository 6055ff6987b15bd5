"""What the features of a node say about themselves, checked before any of them starts: each behavior, and each type of
message, has one feature.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from casty.behaviors.clustered import ClusteredBehavior
from casty.errors import PluginError
from casty.interruption import described, raise_unless_failure
from casty.serialization.registry import REGISTRY
from casty.spi.cluster_feature import (
    ClusterFeature,
    ReceiveMessage,
    ReceiveTransfer,
    ShutdownPhase,
    ShutdownTask,
    SpawnBehavior,
)

from casty_cluster.wire.catalogue import CATALOGUE, PREFIX

type Named = Mapping[str, ClusterFeature]
"""The features of a node, by the names that errors and log lines give them."""
type Claims[K, V] = Mapping[K, tuple[str, V]]
"""The feature's name and its function, by the type or the kind that it claims."""


def claimed_behaviors(features: Named) -> Claims[type[Any], SpawnBehavior]:
    """Raises `PluginError` for a class with two features, or one that cannot have any."""
    declared = {name: _declared(name, feature.behaviors) for name, feature in features.items()}
    return _claims(declared, "behavior", _problem_of_behavior)


def claimed_messages(features: Named) -> Claims[type[Any], ReceiveMessage]:
    """Raises `PluginError` for a type of message with two features, or one that has no name to travel under."""
    declared = {name: _declared(name, feature.messages) for name, feature in features.items()}
    return _claims(declared, "message", _problem_of_message)


def claimed_transfers(features: Named) -> Claims[str, ReceiveTransfer]:
    """Raises `PluginError` for a kind of transfer with two features, or one that is no text."""
    declared = {name: _declared(name, feature.transfers) for name, feature in features.items()}
    return _claims(declared, "transfer", _problem_of_transfer)


def shutdown_tasks(features: Named) -> Mapping[str, Mapping[ShutdownPhase, ShutdownTask]]:
    """The parts of the features in a shutdown, by their names. Raises `PluginError` for what is no such part."""
    tasks = {name: _declared(name, feature.shutdown) for name, feature in features.items()}
    for name, declared in tasks.items():
        for phase, task in cast(Mapping[object, object], declared).items():
            if not isinstance(phase, ShutdownPhase) or not isinstance(task, ShutdownTask):
                raise PluginError(
                    f"shutdown() of the cluster feature {name} returned {phase!r}: {task!r}; a ShutdownTask for a "
                    "ShutdownPhase is wanted"
                )
    return tasks


def _declared[K, V](name: str, declare: Callable[[], Mapping[K, V]]) -> Mapping[K, V]:
    """What a feature returns, which a stranger may have written."""
    try:
        declared = declare()
    except BaseException as error:
        raise_unless_failure(error)
        raise PluginError(f"{declare.__name__}() of the cluster feature {name} raised {described(error)}") from error
    if not isinstance(cast(object, declared), Mapping):
        raise PluginError(f"{declare.__name__}() of the cluster feature {name} returned {declared!r}, not a mapping")
    return declared


def _claims[K: (type[Any], str), V](
    declared: Mapping[str, Mapping[K, V]], what: str, problem: Callable[[object], str | None]
) -> Claims[K, V]:
    claims: dict[K, tuple[str, V]] = {}
    for name, mapping in declared.items():
        for kind, function in mapping.items():
            if (wrong := problem(kind)) is not None:
                raise PluginError(f"the cluster feature {name} claims the {what} {kind!r}, which {wrong}")
            if not callable(function):
                raise PluginError(f"the cluster feature {name} has {function!r} for the {what} {_shown(kind)}")
            if kind in claims:
                raise PluginError(
                    f"the cluster features {claims[kind][0]} and {name} both claim the {what} {_shown(kind)}; "
                    "keep one of them: [plugins] disabled leaves a plugin out"
                )
            claims[kind] = name, function
    return claims


def _shown(kind: type[Any] | str) -> str:
    return kind if isinstance(kind, str) else kind.__qualname__


def _problem_of_behavior(kind: object) -> str | None:
    if isinstance(kind, type) and issubclass(kind, ClusteredBehavior):
        return None
    return "does not derive from casty.behaviors.clustered.ClusteredBehavior"


def _problem_of_message(kind: object) -> str | None:
    wire = REGISTRY.name_of(kind) if isinstance(kind, type) else None
    if wire is None:
        return 'has no name to travel under: put @casty.message("acme.Name") above the class'
    if wire.name.startswith(PREFIX) and wire.name not in CATALOGUE:
        return f"is named {wire.name!r}: only Casty's own messages have names that begin with {PREFIX!r}"
    return None


def _problem_of_transfer(kind: object) -> str | None:
    return None if isinstance(kind, str) and kind else "is no text"
