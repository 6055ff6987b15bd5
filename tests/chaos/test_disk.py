"""Accounts whose SQLite file is on a disk that fills up, or that may only be read: nothing acknowledged is lost,
callers get an error, and the accounts resume once there is room to write.
"""

import asyncio
import subprocess
from collections.abc import Generator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.chaos.oracle import Bank

SIZE = 64 * 2**20
ROOM = 4 * 2**20
"""Bytes that are left of it at first."""
OUTAGE = 5.0
"""Seconds."""
RECOVERY = 15.0
"""Seconds after an outage by which every account serves again: the longest pause is less than five, and the rest is for
a busy machine.
"""


@pytest.fixture
def disk() -> Generator[Path]:
    """A small file system of our own. It does not lie in a folder of pytest's: if the tests are killed, it stays, and
    later runs of pytest fail where they cannot remove an old folder.
    """
    place = Path(mkdtemp(prefix="casty-disk-"))
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mounting, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        place.rmdir()
        pytest.skip("there is no program `mount` here")
    if mounted.returncode:
        place.rmdir()
        pytest.skip(f"it takes the right to mount a file system: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)  # at once, even if a process still uses it
        place.rmdir()


def remount(disk: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", str(disk)], check=True)


async def test_a_full_disk_is_outlived(disk: Path) -> None:
    bank = Bank(f"sqlite:///{disk}/bank.db")
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(SIZE - ROOM))
    async with bank.depositor() as depositor:
        await depositor.until(lambda: depositor.refused["JournalUnavailableError"] > 0)
        await asyncio.sleep(OUTAGE)
        before = len(depositor.acknowledged)
        ballast.unlink()
        async with asyncio.timeout(RECOVERY):
            await depositor.serves(bank.accounts, since=before)
    await bank.check()


async def test_a_disk_that_may_only_be_read_is_outlived(disk: Path) -> None:
    bank = Bank(f"sqlite:///{disk}/bank.db")
    async with bank.depositor() as depositor:
        await depositor.serves(bank.accounts)
    remount(disk, "ro")
    async with bank.depositor() as depositor:
        await depositor.until(lambda: depositor.refused["JournalUnavailableError"] > 0)
        await asyncio.sleep(OUTAGE)
        assert depositor.acknowledged == []
        remount(disk, "rw")
        async with asyncio.timeout(RECOVERY):
            await depositor.serves(bank.accounts)
    await bank.check()
