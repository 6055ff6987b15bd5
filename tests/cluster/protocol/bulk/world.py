"""A random network between nodes that send each other bulk transfers, and all that may befall them."""

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from casty.errors import NodeLostError
from casty.member import NodeId
from casty_cluster.protocol.bulk.receiving import BulkReceived, Deliver, Delivered, Receiving
from casty_cluster.protocol.bulk.receiving import Effect as ReceivingEffect
from casty_cluster.protocol.bulk.receiving import Input as ReceivingInput
from casty_cluster.protocol.bulk.sending import (
    AHEAD,
    CancelTransfer,
    Connected,
    Finished,
    Members,
    ReplyReceived,
    Send,
    SendBulk,
    Sending,
    Transfer,
)
from casty_cluster.protocol.bulk.sending import Effect as SendingEffect
from casty_cluster.protocol.bulk.sending import Input as SendingInput
from casty_cluster.protocol.machine import Tick
from casty_cluster.wire.bulk import CHUNK, Chunk, Ended, Granted, ToReceiver, ToSender

type Message = ToReceiver | ToSender
type Lane = tuple[NodeId, NodeId]

ROOM = 20 * CHUNK
MOST = 16 * CHUNK
"""Bytes of one transfer."""
WEIGHTS = {"arrive": 700, "start": 50, "cancel": 10, "lose": 40, "cut": 10, "remove": 1, "wait": 189}
"""How often something happens."""


@dataclass
class World:
    """`sending` and `receiving` are the classes of the machines, or mutants of them."""

    seed: int
    sending: type[Sending] = Sending
    receiving: type[Receiving] = Receiving
    size: int = 4
    is_hostile: bool = False
    """Whether frames are also doubled, overtaken and damaged, which no transport does."""
    now: float = 0.0
    nodes: list[NodeId] = field(default_factory=list[NodeId])
    senders: dict[NodeId, Sending] = field(default_factory=dict[NodeId, Sending])
    receivers: dict[NodeId, Receiving] = field(default_factory=dict[NodeId, Receiving])
    lanes: defaultdict[Lane, deque[Message]] = field(default_factory=lambda: defaultdict(deque))
    started: dict[Transfer, Lane] = field(default_factory=dict[Transfer, Lane])
    cancelled: set[Transfer] = field(default_factory=set[Transfer])
    finished: dict[Transfer, Exception | None] = field(default_factory=dict[Transfer, Exception | None])
    delivered: Counter[bytes] = field(default_factory=Counter[bytes])
    damaged: set[NodeId] = field(default_factory=set[NodeId])
    """Receivers of a damaged chunk."""

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.nodes = [NodeId("n", number, number) for number in range(1, self.size + 1)]
        self.senders = {node: self.sending() for node in self.nodes}
        self.receivers = {node: self.receiving({"state"}, ROOM) for node in self.nodes}
        self.members_changed()

    def members_changed(self) -> None:
        for node in self.nodes:
            members = Members(node.uid, [other for other in self.nodes if other != node])
            self.give_sender(node, members)
            self.give_receiver(node, members)

    def give_sender(self, node: NodeId, given: SendingInput | Tick) -> None:
        machine = self.senders[node]
        self.carry_out(node, machine.handle(given, self.now))
        machine.validate()

    def give_receiver(self, node: NodeId, given: ReceivingInput) -> None:
        machine = self.receivers[node]
        self.carry_out(node, machine.handle(given, self.now))
        machine.validate()

    def carry_out(self, node: NodeId, effects: Sequence[SendingEffect | ReceivingEffect]) -> None:
        for effect in effects:
            match effect:
                case SendBulk(to, message):
                    self.lanes[node, to].append(message)
                case Finished(transfer, error):
                    assert transfer not in self.finished, "an end that is reported twice"
                    assert transfer not in self.cancelled, "an end that is not awaited any more"
                    self.finished[transfer] = error
                    self.check_end(transfer, error)
                case Deliver(sender, number, _, data):
                    self.delivered[bytes(data)] += 1
                    self.give_receiver(node, Delivered(sender, number))
        self.check_bounds(node)

    def check_end(self, transfer: Transfer, error: Exception | None) -> None:
        if error is None:
            assert self.delivered[transfer.data] == 1, "reported as delivered"
        elif not isinstance(error, NodeLostError):
            assert "checksum" in str(error), error
            assert self.started[transfer][1] in self.damaged, error
            assert self.delivered[transfer.data] == 0, "delivered, and reported as discarded"

    def check_bounds(self, node: NodeId) -> None:
        for (sender, _), frames in self.lanes.items():
            if sender == node and not self.is_hostile:
                flying = sum(len(frame.data) for frame in frames if isinstance(frame, Chunk))
                assert flying <= 2 * AHEAD, f"{flying} bytes are under way"
        assert self.held(node) <= ROOM, f"{node} holds {self.held(node)} bytes"

    def held(self, node: NodeId) -> int:
        return sum(len(transfer.data) for transfer in self.receivers[node]._arriving.values())

    def step(self) -> None:
        busy = [lane for lane, frames in self.lanes.items() if frames]
        (action,) = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))
        match action:
            case "arrive" if busy:
                self.arrive(self.random.choice(busy))
            case "start" if len(self.started) < 60:
                self.start()
            case "cancel" if self.started:
                self.cancel(self.random.choice(list(self.started)))
            case "lose" if busy:
                self.lose(self.random.choice(busy))
            case "cut" if busy:
                self.cut(self.random.choice(busy))
            case "remove" if len(self.nodes) > 2:
                self.remove(self.random.choice(self.nodes))
            case _:
                self.wait(self.random.uniform(0.0, 0.5))

    def arrive(self, lane: Lane) -> None:
        sender, receiver = lane
        frames = self.lanes[lane]
        at = self.random.randrange(len(frames)) if self.is_hostile and self.random.random() < 0.05 else 0
        frame = frames[at]
        if not (self.is_hostile and self.random.random() < 0.05):
            del frames[at]
        if isinstance(frame, Chunk) and self.is_hostile and self.random.random() < 0.01:
            self.damaged.add(receiver)
            frame = frame._replace(data=frame.data[:-1] + bytes((frame.data[-1] ^ 1,)))
        if receiver not in self.nodes or sender not in self.nodes:
            return
        if isinstance(frame, Granted | Ended):
            self.give_sender(receiver, ReplyReceived(sender, frame))
        else:
            self.give_receiver(receiver, BulkReceived(sender, frame))

    def start(self) -> None:
        sender, receiver = self.random.sample(self.nodes, 2)
        size = self.random.choice((0, 1, CHUNK, MOST, self.random.randrange(MOST), self.random.randrange(MOST)))
        number = len(self.started)
        data = number.to_bytes(4) + self.random.randbytes(16) * (size // 16) + b"x" * (size % 16)
        transfer = Transfer("state", data)
        self.started[transfer] = sender, receiver
        self.give_sender(sender, Send(receiver, transfer))

    def cancel(self, transfer: Transfer) -> None:
        sender, receiver = self.started[transfer]
        if transfer not in self.finished and sender in self.nodes:
            self.cancelled.add(transfer)
            self.give_sender(sender, CancelTransfer(receiver, transfer))

    def lose(self, lane: Lane) -> None:
        """A full queue has refused a frame."""
        frames = self.lanes[lane]
        del frames[self.random.randrange(len(frames))]

    def cut(self, lane: Lane) -> None:
        """A connection breaks, and both sides get a new one."""
        one, other = lane
        for at, to in ((one, other), (other, one)):
            self.lanes[at, to].clear()
        for at, to in ((one, other), (other, one)):
            if at in self.nodes:
                self.give_sender(at, Connected(to))

    def remove(self, node: NodeId) -> None:
        self.nodes.remove(node)
        self.members_changed()

    def wait(self, seconds: float) -> None:
        self.now += seconds
        for node in self.nodes:
            due = self.senders[node].next_deadline()
            if due is not None and due <= self.now:
                self.give_sender(node, Tick())

    def run(self, steps: int = 1_500) -> None:
        """Play, then let everything come to its end on a good network, and check what is left."""
        for _ in range(steps):
            self.step()
        self.is_hostile = False
        for _ in range(20_000):
            busy = [lane for lane, frames in self.lanes.items() if frames]
            if busy:
                self.arrive(self.random.choice(busy))
            elif self.awaited():
                self.wait(1.0)
            else:
                break
        assert not self.awaited(), f"{len(self.awaited())} transfers never end"
        for node in self.nodes:
            assert self.senders[node].next_deadline() is None, f"{node} goes on sending"
            assert not self.receivers[node]._arriving, f"{node} keeps part of a transfer"
        assert max(self.delivered.values(), default=0) <= 1, "a transfer was delivered twice"

    def awaited(self) -> Sequence[object]:
        """What has not come to an end, cancelled transfers too, whose receivers have yet to confirm it."""
        alive = [transfer for transfer, (sender, _) in self.started.items() if sender in self.nodes]
        pending = [transfer for transfer in alive if transfer not in self.finished and transfer not in self.cancelled]
        return pending or [node for node in self.nodes if self.senders[node].next_deadline() is not None]
