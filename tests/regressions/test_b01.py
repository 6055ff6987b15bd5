"""B1: nothing in Casty can execute code that bytes bring along: no pickle and its kin, anywhere."""

import ast
import pickle

import pytest
from casty import DecodeError
from casty.serialization import MsgpackSerializer

from tests.architecture.source import source_modules

CODE_IN_BYTES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "yaml"}
CODE_IN_TEXT = {"eval", "exec", "compile", "__import__"}


class Trap:
    """Says so if it is ever brought back."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pytest.fail, ("a pickle was executed",)


def test_b1_no_module_imports_what_executes_bytes() -> None:
    found = [
        f"{module.name}:{node.lineno}"
        for module in source_modules()
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Import) and any(alias.name.split(".")[0] in CODE_IN_BYTES for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in CODE_IN_BYTES)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CODE_IN_TEXT)
    ]
    assert found == []


def test_b1_a_pickle_is_nothing_but_wrong_bytes() -> None:
    with pytest.raises(DecodeError):
        MsgpackSerializer().loads(pickle.dumps(Trap()))
