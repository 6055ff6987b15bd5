"""`casty.tls.Config.from_paths`: what it promises about its files, and what it says about those that are wrong."""

import os
import ssl
from pathlib import Path
from typing import Any

import pytest
from casty.config.schema import TlsConfig
from casty.entropy import source
from casty.errors import ConfigError
from casty.tls import LONGEST, Config
from trustme import CA

from tests.transport_tcp.certificates import Files, expired, written


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return written(tmp_path, authority=CA())


def serials(context: ssl.SSLContext) -> list[object]:
    return [authority["serialNumber"] for authority in context.get_ca_certs()]


def test_both_sides_demand_a_certificate_and_tls_1_3(files: Files) -> None:
    config = files.config
    for context in (config.server_context(), config.client_context()):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert config.client_context().check_hostname


def test_contexts_are_kept_while_files_are_the_same(files: Files) -> None:
    config = files.config
    assert config.server_context() is config.server_context()
    assert config.client_context() is config.client_context()


@pytest.mark.parametrize("name", ["certfile", "cafile", "keyfile"])
def test_a_file_that_changes_makes_new_contexts(files: Files, name: str) -> None:
    config = files.config
    before = config.server_context()
    os.utime(getattr(files, name), ns=(1, 1))
    assert config.server_context() is not before


def test_a_changed_authority_is_the_one_that_counts(files: Files) -> None:
    config = files.config
    before = serials(config.server_context())
    written(files.cafile.parent, authority=CA())
    for context in (config.server_context(), config.client_context()):
        assert serials(context) != before
        assert len(serials(context)) == 1


def test_files_are_read_again_after_five_minutes(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(source(), "stopwatch", lambda: now, raising=False)
    config = files.config
    before = config.server_context()
    now = LONGEST - 1
    assert config.server_context() is before
    now = LONGEST
    assert config.server_context() is not before


def test_files_that_do_not_fit_are_logged_once_and_the_old_ones_go_on(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    config = files.config
    before = config.server_context()
    right = files.keyfile.read_bytes()
    files.keyfile.write_text("half a key")
    assert config.server_context() is before
    assert config.client_context() is config.client_context()
    assert len(caplog.records) == 1
    assert "the certificates before this change stay in use" in caplog.text
    files.keyfile.write_bytes(right)
    os.utime(files.keyfile, ns=(1, 1))
    assert config.server_context() is not before


@pytest.mark.parametrize("name", ["certfile", "cafile", "keyfile"])
def test_a_file_that_is_missing_or_wrong_is_named(files: Files, name: str) -> None:
    path: Path = getattr(files, name)
    path.write_text("nothing of the kind")
    with pytest.raises(ConfigError, match=f"{name} '{path}'.* PEM"):
        _ = files.config
    path.unlink()
    with pytest.raises(ConfigError, match=f"{name} '{path}' cannot be read: No such file.*; give the path of a PEM"):
        _ = files.config
    path.mkdir()
    with pytest.raises(ConfigError, match=f"{name} '{path}' cannot be read: Is a directory"):
        _ = files.config


def test_a_certificate_that_others_would_refuse_is_refused_at_once(tmp_path: Path) -> None:
    authority = CA()
    old = written(tmp_path / "old", authority=authority, certificate=expired(authority))
    with pytest.raises(ConfigError, match=r"does not stand up to cafile .*: certificate has expired; the other nodes"):
        _ = old.config
    foreign = written(tmp_path / "foreign", authority=authority, trusted=CA())
    with pytest.raises(ConfigError, match=r"does not stand up to cafile .*: unable to get local issuer certificate"):
        _ = foreign.config


def test_a_key_that_belongs_to_another_certificate_is_refused(tmp_path: Path) -> None:
    authority = CA()
    one, other = (written(tmp_path / name, authority=authority) for name in ("one", "other"))
    with pytest.raises(ConfigError, match=r"are no certificate and its key in PEM: .*[Mm][Ii][Ss][Mm][Aa][Tt][Cc][Hh]"):
        Config.from_paths(certfile=one.certfile, cafile=one.cafile, keyfile=other.keyfile)


def test_a_key_with_a_password_does_not_prompt(files: Files) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(files.keyfile.read_bytes(), None)
    files.keyfile.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(ConfigError, match="has a password; store the key without one"):
        _ = files.config


def test_without_a_keyfile_the_key_is_in_the_certfile(files: Files) -> None:
    files.certfile.write_bytes(files.certfile.read_bytes() + files.keyfile.read_bytes())
    assert Config.from_paths(certfile=files.certfile, cafile=files.cafile).server_context()
    files.keyfile.unlink()
    assert TlsConfig(certfile=str(files.certfile), cafile=str(files.cafile)).keyfile is None


def test_contexts_are_taken_as_well_as_functions(files: Files) -> None:
    server, client = files.config.server_context(), files.config.client_context()
    config = Config(server_context=server, client_context=lambda: client)
    assert config.server_context() is server
    assert config.client_context() is client


def test_a_context_that_accepts_any_peer_is_refused(files: Files) -> None:
    careless = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with pytest.raises(ConfigError, match=r"set server_context\.verify_mode = ssl\.CERT_REQUIRED"):
        Config(careless, files.config.client_context())


@pytest.mark.parametrize("given", [None, "node.pem", ssl.SSLContext])
def test_what_is_no_context_is_refused(files: Files, given: Any) -> None:
    with pytest.raises(ConfigError, match=r"client_context is an ssl\.SSLContext, or a function that returns one"):
        Config(files.config.server_context(), given)
