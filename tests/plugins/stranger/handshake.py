"""How two endpoints make each other's acquaintance: a line of JSON each, with proofs that are bound to both nonces."""

import hmac
import json
import secrets
from asyncio import StreamReader, StreamWriter
from typing import TYPE_CHECKING, Any

from casty.member import NodeId

if TYPE_CHECKING:
    from tests.plugins.stranger.transport import UnixTransport

NONCE = 16


class Refused(Exception):
    """One side does not accept the other."""


def proof(cookie: bytes, nonces: bytes, prover: str) -> str:
    return hmac.new(cookie, nonces + prover.encode(), "sha256").hexdigest()


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def identity_of(text: dict[str, Any], role: str) -> tuple[NodeId, str]:
    node = NodeId(str(text["host"]), int(text["port"]), int(text["uid"]))
    return node, f"{role} {node}"


def card(own: "UnixTransport") -> dict[str, Any]:
    host, port, uid = own.node
    return {"cluster": own.endpoint.cluster, "host": host, "port": port, "uid": uid}


async def read_line(reader: StreamReader) -> dict[str, Any]:
    try:
        text: dict[str, Any] = json.loads(await reader.readline())
        if "refused" in text:
            raise Refused(f"the peer claims: {text['refused']}")
        return {"host": text["host"], "port": text["port"], "uid": text["uid"], **text}
    except (TypeError, KeyError) as error:
        raise ValueError("not what an endpoint says") from error


async def introduce(own: "UnixTransport", reader: StreamReader, writer: StreamWriter) -> NodeId:
    """The side that has dialed."""
    nonces = await reader.readexactly(NONCE) + secrets.token_bytes(NONCE)
    cookies = own.endpoint.cookies
    given = own.proof(cookies[0], nonces, f"dialing {own.node}") if cookies else ""
    writer.write(line(**card(own), nonce=nonces[NONCE:].hex(), proof=given))
    said = await read_line(reader)
    node, prover = identity_of(said, "accepting")
    check(own, said, nonces, prover)
    return node


async def answer(own: "UnixTransport", reader: StreamReader, writer: StreamWriter) -> NodeId:
    """The side that was dialed."""
    nonce = secrets.token_bytes(NONCE)
    writer.write(nonce)
    said = await read_line(reader)
    node, prover = identity_of(said, "dialing")
    nonces = nonce + bytes.fromhex(said["nonce"])
    try:
        cookie = check(own, said, nonces, prover)
    except Refused as error:
        writer.write(line(refused=str(error)))
        raise
    given = own.proof(cookie, nonces, f"accepting {own.node}") if cookie else ""
    writer.write(line(**card(own), proof=given))
    return node


def check(own: "UnixTransport", said: dict[str, Any], nonces: bytes, prover: str) -> bytes:
    """The cookie that both have. Raises `Refused`."""
    if reason := own.refusal(said["cluster"]):
        raise Refused(reason)
    cookie = own.shared(said["proof"], nonces, prover)
    if cookie is None:
        raise Refused("the two share no cookie")
    return cookie
