"""Programs run by `casty.run`: on uvloop where that is installed, with the same actors."""

import asyncio
import subprocess
import sys
from types import ModuleType
from typing import Any

import casty
import pytest
from casty import ActorContext, ActorSystem, ArgumentError, Behavior, Behaviors
from casty.cluster import DevelopmentCluster

from tests.core.objects.cart import Add, Cart, Crash, GetTotal

uvloop = pytest.importorskip("uvloop", reason="there is no uvloop for this platform")


def loop_module() -> str:
    return type(asyncio.get_running_loop()).__module__


async def program() -> str:
    """Both front ends, with failures, timers and asks that suspend."""

    async def echo(ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
        await asyncio.sleep(0.001)
        message.reply_to.tell(await cart.ask(GetTotal()))
        return Behaviors.same()

    async with ActorSystem() as system:
        cart = await system.actor(Cart, name="cart")
        await cart.send(Add("a", 2.0))
        ref: Any = system.spawn(Behaviors.receive(echo))
        assert await ref.ask(GetTotal()) == 2.0
        await cart.send(Crash())
        assert await ref.ask(GetTotal()) == 0
    return loop_module()


async def cluster() -> str:
    async with DevelopmentCluster(2) as nodes:
        first, second = nodes
        first.spawn(Behaviors.ignore(), "ignoring")
        assert second.lookup("/ignoring", node=first.self_node) is not None
    return loop_module()


@pytest.mark.parametrize("main", ["program", "cluster"])
def test_programs_run_on_uvloop(main: str) -> None:
    # In a process of its own: libuv leaves pipes open for good.
    text = f"import casty; from tests.core.test_running import {main}; print(casty.run({main}()))"
    run = subprocess.run([sys.executable, "-W", "error", "-c", text], capture_output=True, text=True, check=False)
    assert run.stdout == "uvloop\n", run.stderr


@pytest.fixture
def without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it were not installed."""
    monkeypatch.setitem(sys.modules, "uvloop", None)


@pytest.mark.usefixtures("without_uvloop")
def test_without_uvloop_they_run_on_the_loop_of_asyncio() -> None:
    assert casty.run(program()).startswith("asyncio.")


def test_a_uvloop_that_is_broken_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "uvloop.py").write_text("import there_is_no_such_module")
    monkeypatch.delitem(sys.modules, "uvloop")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    coroutine = program()
    with pytest.raises(ModuleNotFoundError, match="there_is_no_such_module"):
        casty.run(coroutine)
    coroutine.close()


@pytest.mark.usefixtures("without_uvloop")
def test_debug_is_that_of_asyncio() -> None:
    async def main() -> bool:
        return asyncio.get_running_loop().get_debug()

    assert casty.run(main(), debug=True)
    assert not casty.run(main())


@pytest.mark.parametrize("wrong", [program, None, ModuleType("main")])
def test_what_is_no_coroutine_is_refused(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match=r"as in casty\.run\(main\(\)\), not"):
        casty.run(wrong)
