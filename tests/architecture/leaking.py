"""Tests that each leave something behind, and one that asks for the errors of its event loop.

`test_leak_checks.py` runs them in a pytest of their own and expects each, by name, to fail.
"""

import asyncio
import gc
import os
import socket
import threading

import pytest


class Broken:
    """Fail where no code can catch it."""

    def __del__(self) -> None:
        raise RuntimeError("broken finalizer")


async def forever() -> None:
    await asyncio.Event().wait()


async def fail(message: str) -> None:
    raise RuntimeError(message)


@pytest.fixture
def kept() -> list[object]:
    """Keeps a culprit alive until the checks have looked."""
    return KEPT


KEPT: list[object] = []


async def test_task(kept: list[object]) -> None:
    kept.append(asyncio.create_task(forever(), name="left-over"))


async def test_task_exception() -> None:
    task = asyncio.create_task(fail("never retrieved"))
    await asyncio.wait([task])
    del task


def test_task_exception_of_a_loop_of_its_own() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)

    asyncio.run(main())


async def test_asks_for_loop_errors(loop_errors: list[str]) -> None:
    asyncio.get_running_loop().call_exception_handler({"message": "as expected"})
    assert [report for report in loop_errors if "as expected" in report]


def test_thread(kept: list[object]) -> None:
    release = threading.Event()
    kept.append(release)
    threading.Thread(target=release.wait, name="left-over", daemon=True).start()


def test_thread_exception() -> None:
    thread = threading.Thread(target=lambda: 1 / 0, name="failing")
    thread.start()
    thread.join()


def test_file(kept: list[object]) -> None:
    kept.append(os.open(os.devnull, os.O_RDONLY))


async def test_socket(kept: list[object]) -> None:
    kept.append(socket.socket())


def test_unclosed_socket() -> None:
    socket.socket()


def test_finalizer() -> None:
    Broken()
    gc.collect()


async def test_coroutine() -> None:
    forever()  # pyright: ignore[reportUnusedCoroutine]


async def test_clean() -> None:
    await asyncio.create_task(asyncio.sleep(0))
