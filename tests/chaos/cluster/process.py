"""A node's process as a test sees it: its commands, and its output so far."""

import asyncio
import json
import re
import signal
from asyncio.subprocess import Process
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple


class Said(NamedTuple):
    """One thing that a node has said."""

    what: str
    at: float
    details: dict[str, Any]


class NodeProcess:
    """One process, and what it has said so far."""

    def __init__(self, name: str, process: Process, log: Path, heard: asyncio.Condition) -> None:
        self.name = name
        self.log = log
        self.said: list[Said] = []
        self._process = process
        self._heard = heard
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._listening = asyncio.create_task(self._listen())

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self.exit_code is None

    @property
    def has_died(self) -> bool:
        """Whether its output has ended, which may be before its exit code is known."""
        return self._listening.done()

    @property
    def view(self) -> dict[str, Any]:
        """What it last said of its cluster."""
        views = self.all("view")
        return views[-1].details if views else {"local": 0, "members": [], "unreachable": [], "leader": ""}

    @property
    def uid(self) -> int:
        """Of its incarnation as a member; 0 while it is none."""
        return self.view["local"]

    @property
    def has_singleton(self) -> bool:
        last = [said.what for said in self.said if said.what.startswith("singleton")][-1:]
        return self.is_running and last == ["singleton begins"]

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode

    def all(self, what: str, **details: Any) -> list[Said]:
        """What it has said of that kind, and with those details."""
        return [said for said in self.said if said.what == what and details.items() <= said.details.items()]

    async def do(self, what: str, **arguments: Any) -> Any:
        """Have it carry out a command. Raises RuntimeError with what has gone wrong there, and CancelledError if it
        dies.
        """
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        if self.has_died:
            answer.cancel()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, "number": number, **arguments}).encode() + b"\n")
        return await answer

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code."""
        code = await self._process.wait()
        await self._listening
        return code

    async def kill(self) -> None:
        if self.is_running:
            self._process.kill()
        await self.ended()

    def most_memory(self) -> int:
        """Resident bytes, when they were most."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return 1024 * int(re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.M)[0])

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.endswith(b"\n"):  # else it was being written when the process died
                await self._take_down(json.loads(line))
        for answer in self._answers.values():
            answer.cancel()

    async def _take_down(self, line: dict[str, Any]) -> None:
        said = Said(line.pop("what"), line.pop("at"), line)
        match said.what:
            case "done":
                self._answers.pop(line["number"]).set_result(line["answer"])
            case "failed":
                self._answers.pop(line["number"]).set_exception(RuntimeError(f"{self.name}: {line['error']}"))
            case _:
                self.said.append(said)
                async with self._heard:
                    self._heard.notify_all()
