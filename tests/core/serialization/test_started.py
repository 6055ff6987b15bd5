"""Types of the started file: the name they are written under, and the programs that can read them."""

import logging
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from casty.errors import EncodeError, UnknownManifestError
from casty.serialization import MsgpackSerializer, Registry, Upcast, WireName
from casty.serialization.started import MAIN

SOURCE = """
from dataclasses import dataclass
from casty.serialization import MsgpackSerializer

@dataclass(frozen=True)
class Deposited:
    amount: int

if __name__ == "__main__":
    serializer = MsgpackSerializer().for_storing()
    encoded = serializer.encode(Deposited(5))
    serializer.encode(Deposited(6))
    assert serializer.decode(*encoded) == Deposited(5)
    print(encoded.manifest)
"""


def start(folder: Path, *arguments: str) -> tuple[str, str]:
    """What a program prints and what it logs."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=200
    )
    return done.stdout.strip(), done.stderr.strip()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    for name in ("bank.py", "a-bank.py", "app/bank.py", "app/__main__.py"):
        (tmp_path / name).write_text(SOURCE)
    return tmp_path


@pytest.mark.parametrize("name", ["bank", "a-bank"])
def test_a_file_is_called_as_it_is_imported_and_one_warning_says_how_to_do_better(program: Path, name: str) -> None:
    printed, logged = start(program, f"{name}.py")
    assert printed == f"{name}:Deposited"
    assert logged == (
        f"Deposited is defined in the file that was started, and is stored as '{name}:Deposited': another program can "
        f'read it only if it imports that file by this name; name it with @message("{name}.Deposited"), or start the '
        "program with python -m"
    )


@pytest.mark.parametrize("name", ["app.bank", "app.__main__"])
def test_a_module_that_is_started_has_the_name_that_it_was_started_by(program: Path, name: str) -> None:
    assert start(program, "-m", name.removesuffix(".__main__")) == (f"{name}:Deposited", "")


def test_a_program_without_a_file_warns_that_no_other_can_read_its_types(program: Path) -> None:
    printed, logged = start(program, "-c", SOURCE)
    assert printed == "__main__:Deposited"
    assert "no other program can read it; name it with @message" in logged


def test_a_process_of_multiprocessing_calls_them_as_its_parent_does(tmp_path: Path) -> None:
    (tmp_path / "bank.py").write_text(
        SOURCE.replace(
            "if __name__",
            "def manifest(_: int) -> str:\n    return MsgpackSerializer().encode(Deposited(5)).manifest\n\nif __name__",
        )
        + "    from multiprocessing import get_context\n"
        "    with get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.map(manifest, [1]))\n"
    )
    assert start(tmp_path, "bank.py")[0].split() == ["bank:Deposited", "['bank:Deposited']"]


def started(monkeypatch: pytest.MonkeyPatch, *, imported: bool = False, **members: Any) -> ModuleType:
    """Makes this process one that was started with a file that defines a `Deposited`."""
    module = ModuleType(MAIN)
    vars(module).update({"__spec__": None, "__file__": "/srv/bank_file.py"} | members)
    exec(compile(SOURCE.split("if __name__")[0], "bank_file.py", "exec"), vars(module))
    monkeypatch.setitem(sys.modules, MAIN, module)
    if imported:
        again = ModuleType("bank_file")
        exec(compile(SOURCE.split("if __name__")[0], "bank_file.py", "exec"), vars(again))
        monkeypatch.setitem(sys.modules, "bank_file", again)
    return module


def test_a_file_that_is_imported_as_well_keeps_its_types_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    module = started(monkeypatch, imported=True)
    serializer = MsgpackSerializer()
    here, there = module.Deposited(1), sys.modules["bank_file"].Deposited(1)
    assert serializer.encode(here).manifest == "__main__:Deposited"
    assert serializer.encode(there).manifest == "bank_file:Deposited"
    assert [type(serializer.decode(*serializer.encode(value))) for value in (here, there)] == [type(here), type(there)]


@pytest.mark.parametrize("allow", ["__main__", "bank_file"])
def test_both_names_allow_them(monkeypatch: pytest.MonkeyPatch, allow: str) -> None:
    value = started(monkeypatch).Deposited(1)
    serializer = MsgpackSerializer(strict=True, allow=(allow,))
    assert serializer.decode(*serializer.encode(value)) == value
    with pytest.raises(EncodeError, match="bank_file:Deposited could not be found by that name"):
        MsgpackSerializer(allow=("elsewhere",)).encode(value)


def test_a_folder_that_is_started_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    module = started(monkeypatch, __spec__=SimpleNamespace(name=MAIN), __file__="/srv/app/__main__.py")
    assert MsgpackSerializer().encode(module.Deposited(1)).manifest == "__main__:Deposited"


def test_what_was_stored_as_main_can_be_read_by_the_same_file(monkeypatch: pytest.MonkeyPatch) -> None:
    module = started(monkeypatch)
    payload = MsgpackSerializer().encode(module.Deposited(7)).payload
    assert MsgpackSerializer().decode("__main__:Deposited", 1, payload) == module.Deposited(7)


def test_an_error_in_another_program_says_how_to_convert_it(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry()
    payload = MsgpackSerializer().encode(started(monkeypatch, imported=True).Deposited(7)).payload
    monkeypatch.undo()
    serializer = MsgpackSerializer(registry=registry)
    with pytest.raises(UnknownManifestError, match="it was in the file that a program was started with") as caught:
        serializer.decode("__main__:Deposited", 1, payload)
    assert """@upcast('__main__:Deposited', 1, to=("module:Deposited", 1))""" in str(caught.value)

    started(monkeypatch, imported=True, __file__="/srv/other.py")
    del sys.modules[MAIN].Deposited  # pyright: ignore[reportAttributeAccessIssue]  # the program is another one
    step = Upcast(WireName("__main__:Deposited", 1), WireName("bank_file:Deposited", 1), _the_same)
    registry.register_upcast(step)
    assert serializer.decode("__main__:Deposited", 1, payload) == sys.modules["bank_file"].Deposited(7)


def _the_same(fields: dict[str, Any]) -> dict[str, Any]:
    return fields


@pytest.mark.parametrize("storing", [True, False])
def test_the_warning_comes_once_and_for_stored_values_only(
    storing: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module = started(monkeypatch)
    serializer = MsgpackSerializer().for_storing() if storing else MsgpackSerializer()
    with caplog.at_level(logging.WARNING, logger="casty.serialization"):
        for _ in range(3):
            serializer.encode(module.Deposited(1))
    assert len(caplog.records) == storing
