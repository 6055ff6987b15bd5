"""What a feature says of itself is checked before the node joins, and a fault names the feature."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, override

import pytest
from casty import Behaviors, message
from casty.behaviors.clustered import ClusteredBehavior, SingletonBehavior
from casty.errors import ArgumentError, PluginError
from casty.spi.cluster_feature import ClusterFeature, ClusterNode, ShutdownPhase, ShutdownTask
from casty_cluster import DevelopmentCluster

from tests.cluster.features.recording import Features, Recording


class Group(ClusteredBehavior[Any]):
    """A behavior without anything in it."""


@message("casty.tests.Pretending")
@dataclass(frozen=True)
class Pretending:
    """Has a name like Casty's own messages."""


class Saying(ClusterFeature):
    """Says of itself what a test wants, which the type checker would not let through."""

    def __init__(self, **said: Any) -> None:
        self.said = said

    def _say(self, what: str) -> Any:
        said = self.said.get(what, {})
        if isinstance(said, BaseException):
            raise said
        return said

    @override
    def behaviors(self) -> Any:
        return self._say("behaviors")

    @override
    def messages(self) -> Any:
        return self._say("messages")

    @override
    def transfers(self) -> Any:
        return self._say("transfers")

    @override
    def shutdown(self) -> Any:
        return self._say("shutdown")


def never(*_: Any) -> Any:
    raise AssertionError("it must not be called")


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"behaviors": ValueError("no licence")}, r"behaviors\(\) of .* raised ValueError\('no licence'\)"),
        ({"messages": SyntaxError("broken")}, r"messages\(\) of .* raised SyntaxError"),
        ({"behaviors": None}, r"behaviors\(\) of .* returned None, not a mapping"),
        ({"shutdown": [ShutdownPhase.leave]}, r"shutdown\(\) of .* returned \[.*\], not a mapping"),
        ({"behaviors": {str: never}}, r"claims the behavior <class 'str'>, which does not derive from .*Clustered"),
        ({"behaviors": {"group": never}}, r"claims the behavior 'group', which does not derive from"),
        ({"behaviors": {Group: "spawn"}}, r"has 'spawn' for the behavior Group"),
        ({"messages": {str: never}}, r"claims the message <class 'str'>, which has no name to travel under"),
        ({"messages": {Pretending: never}}, r"'casty\.tests\.Pretending': only Casty's own messages have names"),
        ({"transfers": {7: never}}, r"claims the transfer 7, which is no text"),
        ({"transfers": {"tests.state": None}}, r"has None for the transfer tests\.state"),
        ({"shutdown": {"leave": ShutdownTask(never)}}, r"shutdown\(\) of .* returned 'leave': .*for a ShutdownPhase"),
        ({"shutdown": {ShutdownPhase.leave: never}}, r"shutdown\(\) of .*; a ShutdownTask for a ShutdownPhase"),
    ],
)
async def test_a_feature_that_says_nonsense_keeps_the_node_from_starting(said: dict[str, Any], fault: str) -> None:
    with pytest.raises(PluginError, match=fault) as raised:
        async with DevelopmentCluster(1, plugins=[Features(odd=lambda _: Saying(**said))]):
            pytest.fail("it must not start")
    assert "the cluster feature 'odd' of (code):plugins[1]" in str(raised.value)


def taking(_: object, __: object) -> None:
    """Takes a message and does nothing."""


@pytest.mark.parametrize(
    ("one", "other", "fault"),
    [
        (
            partial(Recording, claimed_behaviors={Group: never}),
            partial(Recording, claimed_behaviors={Group: never}),
            r"'one' of .* and 'other' of .* both claim the behavior Group; keep one of them",
        ),
        (
            partial(Recording, receive=taking),
            partial(Recording, receive=taking),
            r"'one' of .* and 'other' of .* both claim the message Note",
        ),
        (
            partial(Recording, take=taking),
            partial(Recording, take=taking),
            r"'one' of .* and 'other' of .* both claim the transfer test\.features\.Table",
        ),
        (
            partial(Recording, claimed_behaviors={SingletonBehavior: never}),
            Recording,
            r"singletons and 'one' of .* both claim the behavior SingletonBehavior",
        ),
    ],
)
async def test_two_features_that_claim_the_same_are_both_named(
    one: Callable[[ClusterNode], Any], other: Callable[[ClusterNode], Any], fault: str
) -> None:
    with pytest.raises(PluginError, match=fault):
        async with DevelopmentCluster(1, plugins=[Features(one=one, other=other)]):
            pytest.fail("it must not start")


async def test_a_feature_that_cannot_be_made_is_named() -> None:
    def fail(_: ClusterNode) -> Any:
        raise BaseExceptionGroup("no licence", [GeneratorExit()])

    def nonsense(_: ClusterNode) -> Any:
        return "feature"

    for make, fault in ((fail, "cannot be made: BaseExceptionGroup"), (nonsense, "is 'feature'; derive")):
        with pytest.raises(PluginError, match=rf"the cluster feature 'odd' of \(code\):plugins\[1\] {fault}"):
            async with DevelopmentCluster(1, plugins=[Features(odd=make)]):
                pytest.fail("it must not start")


async def test_a_result_of_spawn_that_is_no_reference_is_reported_to_the_caller() -> None:
    def nothing(*_: Any) -> Any:
        return None

    plugin = Features(odd=lambda node: Recording(node, claimed_behaviors={Group: nothing}))
    async with DevelopmentCluster(1, plugins=[plugin]) as [node]:
        with pytest.raises(PluginError, match=r"'odd' of .* returned None for 'group', not a reference"):
            node.spawn(Group(), "group")
        assert node.lookup("/group") is None


async def test_the_nearest_class_decides_which_feature_runs_a_behavior() -> None:
    class Special(Group):
        pass

    def spawning(text: str) -> Callable[[ClusterNode], Any]:
        def make(node: ClusterNode) -> Recording:
            return Recording(
                node,
                claimed_behaviors={
                    (Special if text == "special" else Group): lambda _, name, mailbox: node.spawn(
                        Behaviors.ignore(), f"{text}-{name}", mailbox=mailbox
                    )
                },
            )

        return make

    plugin = Features(group=spawning("plain"), special=spawning("special"))
    async with DevelopmentCluster(1, plugins=[plugin]) as [node]:
        assert node.spawn(Group(), "a").address.path == "/plain-a"
        assert node.spawn(Special(), "b").address.path == "/special-b"


@pytest.mark.parametrize("timeout", [0, -1.0, float("nan"), "soon", None])
def test_a_timeout_that_is_no_time_is_refused(timeout: Any) -> None:
    with pytest.raises(ArgumentError, match="timeout of ShutdownTask"):
        ShutdownTask(never, timeout)
