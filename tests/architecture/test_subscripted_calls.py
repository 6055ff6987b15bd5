"""The first releases of Python 3.12 cannot make slotted, frozen dataclasses by subscripted names: `Kind[int](...)`."""

import ast
from collections.abc import Iterator, Sequence

import pytest

from tests.architecture.source import Module, source_modules

PLANTED = "@dataclass(frozen=True, slots=True{more})\nclass Box[T]: ...\n{call}"


def slotted_and_frozen(module: Module) -> Iterator[str]:
    """The names of the classes that it is about."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef):
            decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
            if any("frozen=True" in text and "slots=True" in text for text in decorators):
                yield node.name


def subscripted_calls(modules: Sequence[Module]) -> list[str]:
    names = {name for module in modules for name in slotted_and_frozen(module)}
    return [
        f"{module.name}:{node.lineno}: leave the subscript out, or the slots of the class"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Subscript)
        if ast.unparse(node.func.value).rpartition(".")[2] in names
    ]


def test_no_slotted_and_frozen_dataclass_is_made_by_its_subscripted_name() -> None:
    assert subscripted_calls(source_modules()) == []


@pytest.mark.parametrize("call", ["BOX = Box[int](1)", "def f():\n    return here.Box[int](1)"])
def test_it_is_found(call: str) -> None:
    assert subscripted_calls([Module("casty.planted", PLANTED.format(more=", kw_only=True", call=call))])


@pytest.mark.parametrize("call", ["BOX: Box[int] = Box(1)", "def f(box: Box[int]): ..."])
def test_other_uses_pass(call: str) -> None:
    assert not subscripted_calls([Module("casty.planted", PLANTED.format(more="", call=call))])
