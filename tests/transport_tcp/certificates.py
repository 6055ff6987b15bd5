"""Certificates for tests, made by an authority of their own, as files and as a TLS configuration."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from casty.tls import Config
from trustme import CA, LeafCert

HOSTS = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Files:
    """What `Config.from_paths` takes."""

    certfile: Path
    cafile: Path
    keyfile: Path

    @property
    def config(self) -> Config:
        return Config.from_paths(certfile=self.certfile, cafile=self.cafile, keyfile=self.keyfile)


def written(folder: Path, *, authority: CA, trusted: CA | None = None, certificate: LeafCert | None = None) -> Files:
    """Files of a node whose certificate is by `authority`, and that trusts those by `trusted`, or by the same one."""
    folder.mkdir(exist_ok=True)
    issued = certificate or authority.issue_cert(*HOSTS)
    files = Files(folder / "node.pem", folder / "ca.pem", folder / "node.key")
    files.certfile.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(files.keyfile))
    (trusted or authority).cert_pem.write_to_path(str(files.cafile))
    return files


def expired(authority: CA) -> LeafCert:
    begin, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
    return authority.issue_cert(*HOSTS, not_before=begin, not_after=end)
