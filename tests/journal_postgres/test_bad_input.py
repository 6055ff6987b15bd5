"""What users get wrong about a server: the error says what, and how to mend it, and never shows the password."""

import shutil
import ssl
import subprocess
import traceback
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from casty.errors import JournalError, JournalSetupError, JournalUnavailableError
from casty_journal_postgres import connections
from casty_journal_postgres.options import PostgresOptions
from casty_journal_postgres.store import open_store

from tests.journal_postgres.fakes import event
from tests.journal_postgres.proxy import Proxy
from tests.journal_postgres.server import GIVEN, GUARDED, Admin

PASSWORD = "s3cr3t"

with_own_server = pytest.mark.skipif(bool(GIVEN), reason="takes a server whose pg_hba.conf is ours")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "FIRST_PAUSE", 0.0)


@pytest.fixture
async def guarded(dsn: str, admin: Admin) -> AsyncGenerator[str]:
    """A DSN of a user that has a password and no rights."""
    await admin.execute(f"DROP ROLE IF EXISTS {GUARDED}; CREATE ROLE {GUARDED} LOGIN PASSWORD '{PASSWORD}'")
    target = urlsplit(dsn)
    yield f"postgresql://{GUARDED}:{PASSWORD}@{target.hostname}:{target.port}{target.path}"
    await admin.execute(f"DROP OWNED BY {GUARDED}; DROP ROLE {GUARDED}")


async def why_not(dsn: str, options: PostgresOptions) -> str:
    return await _failure(dsn, options, JournalError)


async def why_never(dsn: str, options: PostgresOptions) -> str:
    """As `why_not`, for what no actor waits out."""
    return await _failure(dsn, options, JournalSetupError)


async def _failure(dsn: str, options: PostgresOptions, kind: type[JournalError]) -> str:
    with pytest.raises(kind) as caught:
        async with open_store(dsn, options):
            pass
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


@with_own_server
async def test_a_wrong_password(guarded: str, options: PostgresOptions) -> None:
    message = await why_never(guarded.replace(PASSWORD, PASSWORD + "x"), options)
    assert "cannot open the PostgreSQL journal" in message
    assert "password authentication failed" in message
    assert "check the user and the password" in message


async def test_a_wrong_database(dsn: str, options: PostgresOptions) -> None:
    message = await why_never(urlsplit(dsn)._replace(path="/nowhere").geturl(), options)
    assert 'database "nowhere" does not exist; create the database with createdb' in message


@with_own_server
async def test_missing_rights(guarded: str, options: PostgresOptions, admin: Admin) -> None:
    message = await why_never(guarded, options)
    assert "permission denied for database" in message
    assert "let an administrator grant CREATE" in message
    await admin.execute(f"CREATE SCHEMA {options.schema} AUTHORIZATION {GUARDED}")
    async with open_store(guarded, options) as store:
        assert await store.append([[event("a", 1)]]) == [None]


@with_own_server
async def test_rights_that_were_taken_away(guarded: str, options: PostgresOptions, admin: Admin) -> None:
    await admin.execute(f"CREATE SCHEMA {options.schema} AUTHORIZATION {GUARDED}")
    async with open_store(guarded, options) as store:
        await admin.execute(f"REVOKE INSERT ON {options.schema}.events FROM {GUARDED}")
        with pytest.raises(JournalError, match=r"cannot write to .* permission denied for table events"):
            await store.append([[event("a", 1)]])
        assert await store.replay("a", 0, 9, 9) == []


async def test_a_host_that_does_not_exist(options: PostgresOptions) -> None:
    message = await why_not(f"postgresql://u:{PASSWORD}@no.such.host.invalid/events", options)
    assert "the PostgreSQL journal postgresql://u@no.such.host.invalid/events" in message
    assert "check the host in the DSN" in message


@pytest.mark.parametrize("setting", ["sslmode=nonsense", "sslmode=verify-full&sslrootcert=/no/such/file"])
async def test_settings_that_make_no_sense(options: PostgresOptions, setting: str) -> None:
    assert "check the DSN" in await why_not(f"postgresql://u:{PASSWORD}@localhost/events?{setting}", options)


@with_own_server
async def test_a_server_without_tls(dsn: str, options: PostgresOptions) -> None:
    assert "rejected SSL upgrade" in await why_not(f"{dsn}?sslmode=require", options)


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with two self-signed certificates for localhost, and their keys."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates")
    for name in ("ours", "other"):
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        files = ["-keyout", f"{name}.key", "-out", f"{name}.crt"]
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


async def test_tls_by_dsn(dsn: str, options: PostgresOptions, certificates: Path) -> None:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificates / "ours.crt", certificates / "ours.key")
    async with Proxy(dsn, tls=server).serving() as proxy:
        verified = f"{proxy.dsn}?sslmode=verify-full&sslrootcert={certificates}"
        async with open_store(f"{verified}/ours.crt", options) as store:
            assert await store.append([[event("a", 1)]]) == [None]
        assert "certificate verify failed" in await why_not(f"{verified}/other.crt", options)


async def test_an_unknown_setting_names_the_nearest_one(dsn: str, options: PostgresOptions) -> None:
    message = await why_never(f"{dsn}?sslmod=disable", options)
    assert "unrecognized configuration parameter \"sslmod\"; did you mean 'sslmode'?" in message


async def test_a_database_that_is_not_utf8(dsn: str, options: PostgresOptions, admin: Admin) -> None:
    await admin.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    try:
        message = await why_never(urlsplit(dsn)._replace(path="/latin").geturl(), options)
        assert "has the encoding LATIN1, and a journal needs UTF8" in message
        assert "createdb --encoding=UTF8" in message
    finally:
        await admin.execute("DROP DATABASE latin")


async def test_a_server_that_cannot_be_reached_is_away(options: PostgresOptions) -> None:
    with pytest.raises(JournalUnavailableError):
        async with open_store("postgresql://127.0.0.1:1/x", replace(options, command_timeout=0.2)):
            pass


def test_the_default_timeout_lets_an_asker_learn_the_cause() -> None:
    assert PostgresOptions().command_timeout < 5.0
