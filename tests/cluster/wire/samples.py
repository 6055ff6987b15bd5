"""At least one of each message and each kind of frame between nodes, by the names that they have in `golden/`."""

from collections.abc import Callable
from typing import Final, NamedTuple

from casty.address import PeerAddress
from casty.member import Member, MemberStatus, NodeId
from casty.serialization import MsgpackSerializer
from casty_cluster.wire import codec, copies, entities, frames, phi_accrual, swim
from casty_cluster.wire.bulk import Cancel, Chunk, Ended, Granted, Offer
from casty_cluster.wire.client import (
    Attach,
    Attached,
    Detach,
    Detached,
    Found,
    Instance,
    Leaving,
    Lookup,
    Moved,
    Release,
)
from casty_cluster.wire.forwarding import Flush, Flushed, Forwarded, Returned
from casty_cluster.wire.membership import (
    Answer,
    Digest,
    Dissolve,
    Downed,
    Goodbye,
    Gossip,
    Join,
    Message,
    Presence,
    Probe,
    Refusal,
)
from casty_cluster.wire.replication import (
    START,
    Acknowledge,
    Confirm,
    Confirmed,
    Epoch,
    Fetch,
    Fetched,
    FetchedSnapshot,
    Group,
    Install,
    Need,
    Position,
    Prepare,
    Promised,
    Rejected,
    Replicate,
    Seal,
    Sealed,
    Verified,
    Verify,
    View,
    to_positions,
    to_run,
)
from casty_cluster.wire.sharding import (
    Batch,
    CopyReport,
    CopyState,
    Forced,
    ForcePromote,
    Forget,
    Forgotten,
    FoundShard,
    GetHome,
    GetState,
    Grant,
    HandOff,
    Hello,
    HostPhase,
    KeepCopy,
    KnowShards,
    MayStop,
    Rebalanced,
    RebalanceNow,
    Refused,
    Register,
    Report,
    ShardCopies,
    ShardHome,
    Started,
    StateReport,
)
from casty_cluster.wire.sharding import Stopped as ShardStopped
from casty_cluster.wire.system import (
    Acknowledged,
    Changed,
    Entry,
    HandedOver,
    HandOver,
    Numbered,
    Retiring,
    Stopped,
    Unwatch,
    Watch,
)

_PRESENCE: Final = Presence(system="bank", cluster=2**64 - 1, size=3, circle=(("10.0.0.1", 25520), ("::1", 25521)))
_REGISTER: Final = b"\x94\xd4\x00n\xb7casty.sharding.Register\x01\x81\xa9remembers\xc2"
"""As it was first written: what a batch contains may get further fields."""
_NODE: Final = NodeId("10.0.0.2", 25520, 2**63)

MEMBERSHIP: Final[dict[str, Message]] = {
    "probe": Probe(_PRESENCE),
    "probe of a downed node": Probe(_PRESENCE._replace(awaited=(("10.0.0.2", 25520),))),
    "probe by another name": Probe(_PRESENCE._replace(resolved=(("10.0.0.7", 25520),)), at=("seed.bank", 25520)),
    "answer": Answer(7, _PRESENCE),
    "answer by another name": Answer(7, _PRESENCE, at=("seed.bank", 25520)),
    "join": Join(7, "bank", "teller-1", ("teller", "night"), {"shards of accounts": "100"}),
    "refusal": Refusal(7, "the cluster is full", final=False),
    "refusal that may pass": Refusal(7, "another node has this name", final=True, patience=20.0),
    "gossip": Gossip(
        to=7,
        cluster=1,
        nodes=(("10.0.0.1", 25520, 1), ("10.0.0.2", 25520, 2**63), ("10.0.0.3", 25520, 3)),
        members=(("", ("teller",), "up", 1), ("teller-2", (), "leaving", 2)),
        clock=(3, 1, 0),
        seen=b"\x03",
        rows=((0, 2, b"\x02"),),
        ages=(12.5,),
    ),
    "digest": Digest(7, 1, 2**64 - 1, b"\x03"),
    "downed": Downed(7, 1, size=3, lowest=2),
    "goodbye": Goodbye(1),
    "dissolve": Dissolve(1, ("10.0.0.2", 25520)),
}

_EPOCH: Final = Epoch(2**40, 2**64 - 1)
_POSITION: Final = Position(_EPOCH, 2**33)
_VIEW: Final = View(
    epoch=_EPOCH, copies=("c1", "c2"), min_acks=1, former=(Group(("c0", "c1"), 1),), forced=(Epoch(3, 7),)
)
_FIRST_COPIES: Final = ShardCopies(
    epoch=_EPOCH, copies=("c1", "c2"), min_acks=1, previous=None, founders=("c1", "c2", "c3")
)
_COPIES: Final = ShardCopies(epoch=_EPOCH, copies=("c1", "c2"), min_acks=1, previous=_VIEW, forced=True)
_RUNS: Final = ((3, 7, (b"",)), (_EPOCH.counter, _EPOCH.coordinator, (b"\x00\xff",)))

_LINEAGE: Final = ((3, 7, 2), (_EPOCH.counter, _EPOCH.coordinator, 2**33))
_LIVES: Final = (("c1", 2**33, 2**64 - 1), ("c2", 1, 7))

COPIES: Final[dict[str, object]] = {
    "copies prepare": Prepare(_EPOCH),
    "copies replicate": Replicate(epoch=_EPOCH, entity="Zoë", previous=_POSITION, start=7, runs=_RUNS),
    "copies confirm": Confirm(_EPOCH),
    "copies seal": Seal(_EPOCH, _VIEW),
    "copies fetch": Fetch(_EPOCH, "Zoë", 2**33),
    "copies promised": Promised(
        epoch=_EPOCH,
        view=_VIEW,
        confirmed=Epoch(3, 7),
        positions=to_positions([("Zoë", _POSITION), ("new", START)]),
        part=0,
        parts=2,
    ),
    "copies prepare with lives": Prepare(_EPOCH, _LIVES),
    "copies confirm with lives": Confirm(_EPOCH, _LIVES),
    "copies promised with lives": Promised(
        epoch=_EPOCH, view=None, confirmed=Epoch(3, 7), positions=(), part=3, parts=0, lives=_LIVES
    ),
    "copies install": Install(epoch=_EPOCH, entity="Zoë", start=7, lineage=_LINEAGE, state=b"\x00\xff"),
    "copies fetched snapshot": FetchedSnapshot(
        epoch=_EPOCH, entity="Zoë", previous=_POSITION, lineage=_LINEAGE, state=b"\x00\xff"
    ),
    "copies verify": Verify(_EPOCH, 2**33),
    "copies verified": Verified(_EPOCH, 2**33),
    "copies rejected": Rejected(Epoch(3, 7), _EPOCH),
    "copies acknowledge": Acknowledge(_EPOCH, "Zoë", 2**33),
    "copies need": Need(_EPOCH, "Zoë", 0),
    "copies confirmed": Confirmed(_EPOCH),
    "copies sealed": Sealed(_EPOCH, for_good=False),
    "copies fetched": Fetched(epoch=_EPOCH, entity="Zoë", previous=_POSITION, runs=_RUNS),
}
"""What the copies of a shard send each other."""

MESSAGES: Final[dict[str, object]] = {
    **MEMBERSHIP,
    "presence": _PRESENCE,
    "numbered": Numbered(7, 2**32, codec.dumps(Retiring(9))),
    "acknowledged": Acknowledged(7, 2**32),
    "retiring": Retiring(2**64 - 1),
    "watch": Watch("/accounts/7", 12),
    "unwatch": Unwatch("/accounts/7", 12),
    "stopped": Stopped("/accounts/7", 12, None),
    "stopped by a failure": Stopped("/accounts/7", 12, "ZeroDivisionError: division by zero"),
    "hand over": HandOver("ledger"),
    "handed over": HandedOver("ledger"),
    "entry": Entry("tellers", "casty://bank@10.0.0.1:25520/teller#4"),
    "changed": Changed((Entry("tellers", "casty://bank@10.0.0.1:25520/teller#4"),), ()),
    "shards batch": Batch("accounts", 100, (_REGISTER,)),
    "shards hello": Hello(2**32, 100),
    "shards report": Report(
        term=1, able=True, num_shards=100, hosted=((7, 2**33, HostPhase.running.value),), last=False, remembers=True
    ),
    "shards register": Register(remembers=True),
    "shards get home": GetHome(7, 2**33),
    "shards home": ShardHome(term=1, shard=7, owner=_NODE, epoch=2**33),
    "shards grant": Grant(1, 7, 2**33),
    "shards started": Started(7, 2**33),
    "shards refused": Refused(7, 2**33, 2**34),
    "shards hand off": HandOff(1, 7, 2**33),
    "shards stopped": ShardStopped(7, 2**33),
    "shards forget": Forget(1, _NODE),
    "shards forgotten": Forgotten(1, _NODE),
    "shards may stop": MayStop(1),
    "shards grant with a reason": Grant(1, 7, 2**33, "removed"),
    "shards hand off with a reason": HandOff(1, 7, 2**33, "leaving"),
    "shards get state": GetState(7),
    "shards state": StateReport(
        number=7,
        hosted=((7, 2**33, HostPhase.running.value, 1_000),),
        targets=((8, _NODE),),
        coordinates=True,
        nodes=(_NODE,),
        missing=(_NODE,),
        last=False,
    ),
    "shards report of copies": Report(
        term=1, able=True, num_shards=100, hosted=(), last=True, role="teller", copies=(2, 1, "zone:")
    ),
    "shards register with copies": Register(role="", copies=(2, 1, "")),
    "shards keep copy": KeepCopy(1, 7),
    "shards copy report": CopyReport(1, (CopyState(7, "c1", _EPOCH, _VIEW), CopyState(8, "c2", _EPOCH, None)), True),
    "shards copy report of known shards": CopyReport(1, (), last=False, known=(7, 8)),
    "shards found shard": FoundShard(1, 7, _FIRST_COPIES),
    "shards know shards": KnowShards(1, (7, 8)),
    "shards grant to a copy": Grant(1, 7, 2**33, "removed", _COPIES),
    "shards copy state": CopyState(7, "c1", _EPOCH, _VIEW),
    "shards copies": _COPIES,
    "shards state with a shard that waits": StateReport(number=7, unavailable=((7, "copies c1 have not promised"),)),
    "shards force promote": ForcePromote(7, 3),
    "shards forced": Forced(7, "the region is not replicated"),
    "shards rebalance now": RebalanceNow(7),
    "shards rebalanced": Rebalanced(7, ((7, _NODE, _NODE),), "2 shards are on the move already"),
    "offer": Offer(7, 1, "casty.shards", 100_000_000),
    "granted": Granted(7, 1, 65_536, 327_680),
    "chunk": Chunk(7, 1, 32_768, 2**32 - 1, b"\x00\xff"),
    "cancel": Cancel(7, 1),
    "ended": Ended(7, 1),
    "ended with an error": Ended(7, 1, "no room"),
    "forwarded": Forwarded({"amount": 5}, 2),
    "returned": Returned(["not delivered"], 3),
    "flush": Flush(1, "10.0.0.1", 25520, 2**63),
    "flushed": Flushed(1),
    "attach": Attach(1),
    "attached": Attached(1, True, (PeerAddress("10.0.0.2", 25520),)),
    "client leaving": Leaving(),
    "client moved": Moved(),
    "release": Release(),
    "detach": Detach(2),
    "detached": Detached(2),
    "lookup": Lookup(3, "tellers"),
    "instance": Instance("casty://bank@10.0.0.2:25520/teller#4", _NODE),
    "found": Found(3, (Instance("casty://bank@10.0.0.2:25520/teller#4", _NODE),), True),
    "found nothing": Found(3, (), True, "clients may not look up tellers"),
    **COPIES,
    "copies epoch": _EPOCH,
    "copies position": _POSITION,
    "copies group": Group(("c1", "c2"), 1),
    "copies view": _VIEW,
    "peer address": PeerAddress("::1", 25520),
    "node id": _NODE,
    "status": MemberStatus.leaving,
    "member": Member(node=_NODE, node_id="teller-2", roles=("teller",), status=MemberStatus.up, up_number=2),
}


class Sample(NamedTuple):
    """A frame, how it is read, and what is read."""

    frame: bytes
    read: Callable[[bytes], object]
    value: object


SERIALIZER: Final = MsgpackSerializer(strict=True)
_TARGET: Final = frames.Target("/accounts/7", 2**40, "msgpack")
_WRITTEN: Final = frames.write_target(*_TARGET)
_BODY: Final = SERIALIZER.dumps({"amount": 5})
_SWIM: Final = swim.Message(
    swim.Kind.ping_request,
    77,
    2**63,
    [swim.Rumour(swim.Claim.suspect, 9, 1, 2**64 - 1), swim.Rumour(swim.Claim.alive, 7, 2, 0)],
)
_PHI: Final = phi_accrual.Message(phi_accrual.PROBE, 2**40, 1.25)
_HEADERS: Final = {"traceparent": b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "": b""}


def _read_message(frame: bytes) -> object:
    return codec.decode(frame, object)


def _read_swim(frame: bytes) -> object:
    return swim.decode(frame[1:])


def _read_phi(frame: bytes) -> object:
    return phi_accrual.decode(frame[1:])


def _read_tell(frame: bytes) -> object:
    target, body = frames.split(frame)
    return frames.read_target(target), SERIALIZER.loads(body)


def _read_ask(frame: bytes) -> object:
    return frames.read_asked(frame), _read_tell(frame)


_ENTITY: Final = entities.write_target("accounts", "Zoë", "msgpack")
_ENTITY_ASK: Final = entities.write_message(7, 70, 2**33, 2**34, 4.5, _ENTITY, _BODY)


def _read_entity(frame: bytes) -> object:
    return (message := entities.read_message(frame)), entities.read_target(message.target)


def _read_flush(frame: bytes) -> object:
    return entities.read_flush(frame)


def _read_copy(frame: bytes) -> object:
    message = copies.read_copy_frame(frame)
    return *message[:4], copies.read_copy_message(message)


def _entity(kind: int, to: int) -> object:
    message = entities.EntityFrame(
        kind=kind, to=to, shard=70, epoch=2**33, reply_uid=2**34, seconds=4.5, target=_ENTITY, body=_BODY
    )
    return message, entities.EntityTarget("accounts", "Zoë", "msgpack")


_PLACE: Final = ("accounts", 70, "c1", "c2")
_STORED: Final = Acknowledge(_EPOCH, "Zoë", 4)
_APPEND: Final = Replicate(
    epoch=_EPOCH,
    entity="Zoë",
    previous=Position(_EPOCH, 3),
    start=2,
    runs=(to_run(_EPOCH, (b"one", b"two")), (3, 2**63, (b"",))),
)

FRAMES: Final[dict[str, Sample]] = {
    "membership": Sample(codec.encode(frames.MEMBERSHIP, Goodbye(1)), _read_message, Goodbye(1)),
    "system": Sample(
        codec.encode(frames.SYSTEM, Acknowledged(7, 1)),
        _read_message,
        Acknowledged(7, 1),
    ),
    "bulk": Sample(codec.encode(frames.BULK, Cancel(7, 1)), _read_message, Cancel(7, 1)),
    "client": Sample(codec.encode(frames.CLIENT, Detach(2)), _read_message, Detach(2)),
    "detector swim": Sample(bytes((frames.DETECTOR,)) + swim.encode(_SWIM), _read_swim, _SWIM),
    "detector phi-accrual": Sample(bytes((frames.DETECTOR,)) + phi_accrual.encode(_PHI), _read_phi, _PHI),
    "tell": Sample(frames.tell(_WRITTEN, _BODY), _read_tell, (_TARGET, {"amount": 5})),
    "ask": Sample(
        frames.ask(_WRITTEN, 2**33, 4.5, _BODY), _read_ask, (frames.Asked(2**33, 4.5), (_TARGET, {"amount": 5}))
    ),
    "answer": Sample(
        frames.answer(2**33, b"msgpack", _BODY), frames.read_answer, frames.Answered(2**33, "msgpack", _BODY)
    ),
    "no answer": Sample(
        frames.no_answer(2**33, 1, "no living actor"),
        frames.read_no_answer,
        frames.Unanswered(2**33, 1, "no living actor"),
    ),
    "entity": Sample(_ENTITY_ASK, _read_entity, _entity(frames.ENTITY, 7)),
    "entity bounced": Sample(entities.returned(9, _ENTITY_ASK), _read_entity, _entity(frames.ENTITY_BOUNCED, 9)),
    "shard flush": Sample(
        entities.write_flush(frames.SHARD_FLUSH, 7, 70, 3, "accounts"),
        _read_flush,
        entities.FlushFrame(frames.SHARD_FLUSH, 7, 70, 3, "accounts"),
    ),
    "shard flushed": Sample(
        entities.write_flush(frames.SHARD_FLUSHED, 7, 70, 3, "accounts"),
        _read_flush,
        entities.FlushFrame(frames.SHARD_FLUSHED, 7, 70, 3, "accounts"),
    ),
    "copy": Sample(
        copies.write_copy_frame(*_PLACE, Fetch(_EPOCH, "Zoë", 3)),
        _read_copy,
        (*_PLACE, Fetch(_EPOCH, "Zoë", 3)),
    ),
    "copy replicate": Sample(copies.write_copy_frame(*_PLACE, _APPEND), _read_copy, (*_PLACE, _APPEND)),
    "copy acknowledge": Sample(copies.write_copy_frame(*_PLACE, _STORED), _read_copy, (*_PLACE, _STORED)),
    "headers": Sample(
        frames.with_headers(_HEADERS, frames.tell(_WRITTEN, _BODY)),
        frames.split_headers,
        (_HEADERS, frames.tell(_WRITTEN, _BODY)),
    ),
}
