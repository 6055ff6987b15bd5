"""The snippets of seed 004 that need a cluster, completed to programs; hosts and ports are those of this machine."""

import asyncio
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.ports import free_ports
from tests.seeds.programs import needs_seeds
from tests.seeds.test_class_programs import completed

pytestmark = [needs_seeds, pytest.mark.filterwarnings("ignore:no journal is configured")]

ELSEWHERE = """
<<shop>>

async def main():
    async with (
        ActorSystem.clustered("127.0.0.1", PORT2, seeds=["127.0.0.1:PORT2", "127.0.0.1:PORT3"]),
        ActorSystem.clustered("127.0.0.1", PORT3, seeds=["127.0.0.1:PORT2", "127.0.0.1:PORT3"]) as third,
    ):
"""
PROGRAMS = {
    "clustered actors": (
        ELSEWHERE
        + """
        <<15>>
            for cart in (local_cart, clustered_cart):
                await cart.send(AddItem("SKU-1", 2.0))
                print(await cart.ask(GetTotal()))
            print(await (await third.actor(ShoppingCart, name="cart-456", scope="cluster")).ask(GetTotal()))
""",
        "2.0\n2.0\n2.0\n",
    ),
    "three nodes": (
        """
<<shop>>

async def main():
    <<16>>
    async with system1, system2, system3:
        for system in (system1, system2, system3):
            await system.wait_for(3)
        cart = await system1.actor(ShoppingCart, name="cart", scope="cluster")
        await cart.send(AddItem("SKU-1", 2.0))
        print(await cart.ask(GetTotal()), await system3.actor(ShoppingCart, name="cart", scope="cluster") == cart)
""",
        "2.0 True\n",
    ),
    "sharding by a router": (
        """
<<prelude>>
<<17>>

async def main():
    <<18>>
        bob_total = await router.ask(GetTotal("user-bob"))
        print(alice_total, bob_total)
""",
        "29.99 49.99\n",
    ),
    "settings and a ring": (
        """
async def main():
    <<28>>
    <<29>>
    print(config.failure_detector.kind, dict(config.failure_detector.options))
    print(owner == ring.get_node("user-alice"), owner in {"node-1", "node-2", "node-3"})
    from casty import ActorSystem
    async with ActorSystem.clustered(port=PORT1, config=config) as system:
        await system.wait_for(1)
""",
        "swim {'protocol_period': 1.0, 'ping_timeout': 0.5, 'ping_req_fanout': 3, 'suspicion_mult': 5}\nTrue True\n",
    ),
    "a development cluster": (
        """
<<shop>>
<<36>>

async def main():
    await test_distributed_cart()
    print("passed")
""",
        "passed\n",
    ),
    "state replication": (
        ELSEWHERE
        + """
        <<19>>
            await cart.send(AddItem("SKU-1", 2.0))
            print(await cart.ask(GetTotal()))
            scope = ClusterScope(replication=3, consistency="quorum")
            print(await (await third.actor(ShoppingCart, name="cart-123", scope=scope)).ask(GetTotal()))
""",
        "2.0\n2.0\n",
    ),
    "quick reference": (
        ELSEWHERE
        + """
        MyActor = ShoppingCart
        <<31>>
            await ref.send(AddItem("SKU-1", 2.0))
            print(await ref.ask(GetTotal()), ref == await third.actor(MyActor, name="actor", scope="cluster"))
""",
        "2.0 True\n",
    ),
}


def program(template: str) -> str:
    """Completed, with free ports of this machine."""
    ports = free_ports(3)
    text = completed(template).replace("0.0.0.0", "127.0.0.1")
    for number, port in enumerate(ports, start=1):
        text = re.sub(rf"node{number}:\d+", f"127.0.0.1:{port}", text)
        text = re.sub(rf"\b800{number}\b|PORT{number}", str(port), text)
    return text


@pytest.fixture
def module() -> Iterator[ModuleType]:
    """Where the program's classes are at home."""
    made = ModuleType("seed_004_clustered")
    sys.modules[made.__name__] = made
    yield made
    del sys.modules[made.__name__]


def run(text: str, module: ModuleType) -> Any:
    exec(compile(text, "seed 004", "exec"), vars(module))
    return asyncio.run(vars(module)["main"]())


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_snippet_does_what_the_document_says(
    name: str, module: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    template, expected = PROGRAMS[name]
    run(program(template), module)
    assert capsys.readouterr().out == expected
