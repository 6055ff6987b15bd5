"""All messages between nodes are in one room, and their names say whose they are."""

import ast

import pytest
from casty_cluster.wire import catalogue, codec

from tests.architecture.source import Module, all_imports, source_modules

ROOM = "casty_cluster.wire"


def named_elsewhere(modules: list[Module]) -> list[str]:
    """Modules of the cluster and its transport, outside of the room, that give a type a name to be sent under."""
    outside = [
        module
        for module in modules
        if module.name.split(".")[0] in ("casty_cluster", "casty_transport_tcp")
        if not module.name.startswith(f"{ROOM}.")
    ]
    imported = [
        str(found)
        for found in all_imports(outside)
        if found.target.rpartition(".")[2] in ("message", "event") and found.target.startswith("casty.")
    ]
    registered = [module.name for module in outside if "REGISTRY.register(" in module.text]
    return imported + registered


def named_in(modules: list[Module]) -> set[str]:
    """The names that `@message` gives in the room."""
    return {
        ast.literal_eval(decorator.args[0])
        for module in modules
        if module.name.startswith(f"{ROOM}.")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "message"
    }


def test_no_message_is_defined_outside_of_the_room() -> None:
    assert named_elsewhere(list(source_modules())) == []


def test_every_message_of_the_room_is_in_the_catalogue() -> None:
    values = {name for name, kind in catalogue.CATALOGUE.items() if kind in codec.VALUES}
    assert named_in(list(source_modules())) | values == catalogue.CATALOGUE.keys()


def test_all_names_of_the_catalogue_are_casty_s_own() -> None:
    assert all(name.startswith(catalogue.PREFIX) for name in catalogue.CATALOGUE)


@pytest.mark.parametrize(
    "text",
    [
        "from casty.serialization import message",
        "from casty import message",
        "from casty import event as named",
        "REGISTRY.register(Node, 'casty.Node')",
    ],
)
def test_the_rule_can_fail(text: str) -> None:
    assert named_elsewhere([Module("casty_cluster.node.planted", text)])
