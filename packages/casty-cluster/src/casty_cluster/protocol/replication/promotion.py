"""How a copy becomes the primary of an epoch, and how the other copies of its view come to follow it.

Theory of operation. The copy that a coordinator has chosen asks those of the new view, and of the view that it leaves,
for their promises. When they suffice, it completes its own histories from the copies whose histories are continued.
Then it brings the others in step, and confirms each one that is. When enough copies are confirmed that what was found
survives, it seals: it has the new view stored, by so many copies of each group that later promises meet it. Only then
it is active: from now on events may be acknowledged that the copies of an earlier group do not have.

Confirming comes before sealing, as a view that is found must not be one whose copies are still empty. A promotion that
is interrupted before leaves the earlier view in charge. After it has sealed anywhere, the next one finds either view,
and in each all that was acknowledged. When the new view is active, the copies learn that it has taken over for good:
the groups before it are asked no more, and may go.

Copies that do not reply are asked again for ever: a view is complete when all of its copies are confirmed and know it.
Those that come late hold up nothing.

Invariants: an active primary has the promises, confirmations and seals that it needs; copies follow only after their
promise.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import IntEnum
from typing import Final

from casty_cluster.protocol.replication.decision import Choice, Decision
from casty_cluster.protocol.replication.effects import Activated, Send, Unavailable
from casty_cluster.protocol.replication.follower import SLICE, Follower
from casty_cluster.protocol.replication.history import History
from casty_cluster.protocol.replication.inputs import Promote
from casty_cluster.protocol.replication.models import Chosen, Own
from casty_cluster.protocol.replication.promises import Promises, founding
from casty_cluster.protocol.replication.quorum import decides, stores
from casty_cluster.protocol.replication.stored import Contents
from casty_cluster.protocol.timeouts import earliest
from casty_cluster.wire.replication import (
    Acknowledge,
    Confirm,
    CopyId,
    Fetch,
    Fetched,
    FetchedSnapshot,
    Install,
    Need,
    Prepare,
    Promised,
    Replicate,
    Seal,
    Sealed,
    View,
)

REPEAT: Final = 1.0
"""Seconds after which copies that have not replied are asked again."""
SILENCE: Final = 1.0
"""Seconds without a promise after which those suffice that may lack events: copies that are within reach reply."""
PATIENCE: Final = 5.0
"""Seconds that a promotion may take before the operator is informed."""

type Effect = Send[Prepare | Replicate | Install | Fetch | Confirm | Seal] | Activated | Unavailable


class Phase(IntEnum):
    """In this order."""

    preparing = 0
    """Promises are missing."""
    deciding = 1
    """The histories that are continued are being chosen."""
    completing = 2
    """The primary's own copy gets the histories that were chosen."""
    confirming = 3
    """Too few copies are in step."""
    sealing = 4
    """The view is not known by enough copies."""
    active = 5


class Promotion:
    """See the module."""

    def __init__(self, local: CopyId, contents: Contents, given: Promote, now: float) -> None:
        """`contents`: those of the local copy, as they are at any time."""
        self.phase = Phase.preparing
        self.view = View(epoch=given.epoch, copies=given.copies, min_acks=given.min_acks)
        self.followers: dict[CopyId, Follower] = {}
        """Of the view's other copies, those that have promised; before, the local copy while it is completed."""
        self._local = local
        self._histories: Mapping[str, History] = contents.histories
        self._forced = given.allow_data_loss
        previous = given.previous or founding(given.founders or given.copies)
        # The local copy's start is named with its promise: before it is stored, another one may get its number.
        lives = contents.lives.besides(local)
        self._promises = Promises(local, self.view, previous, lives, forced=self._forced)
        self._confirmed: set[CopyId] = set()
        self._sealed: set[CopyId] = set()
        self._settled: set[CopyId] = set()
        """Copies that know that the view has taken over for good."""
        self._requested: set[tuple[CopyId, type]] = set()
        self._awaits = True
        """Whether any copy may have a reply to give: looked up once after each that comes, not after each event."""
        self._decision: Decision | None = None
        self._now = now
        self._repeat_at = now + REPEAT
        self._silent_at = now + SILENCE
        self._report_at = now + PATIENCE
        self._reported = ""

    def start(self) -> list[Effect]:
        return self._request()

    def promised(self, sender: CopyId, message: Promised, now: float) -> list[Effect]:
        effects: list[Effect] = []
        self._silent_at = now + SILENCE
        if self._promises.add(sender, message) and self.phase >= Phase.confirming:
            effects += self._follow(sender, now)
        return [*effects, *self._progress(now)]

    def confirmed(self, sender: CopyId, now: float) -> list[Effect]:
        self._confirmed.add(sender)
        return self._progress(now)

    def sealed(self, sender: CopyId, message: Sealed, now: float) -> list[Effect]:
        self._sealed.add(sender)
        if message.for_good:
            self._settled.add(sender)
        return self._progress(now)

    def compared(self, sender: CopyId, reply: Acknowledge | Need, now: float) -> list[Effect]:
        follower = self.followers.get(sender)
        if follower is None:
            return []
        was_equal = follower.is_equal
        sent = follower.acknowledge(reply, now) if isinstance(reply, Acknowledge) else follower.need(reply, now)
        return [*sent, *([] if was_equal or not follower.is_equal else self._progress(now))]

    def fetched(self, message: Fetched | FetchedSnapshot, now: float) -> list[Effect]:
        return [effect for follower in self.followers.values() for effect in follower.fetched(message, now)]

    def tick(self, now: float) -> list[Effect]:
        effects: list[Effect] = [e for follower in self.followers.values() for e in follower.expire(now)]
        effects += self._work(now)
        if now >= self._repeat_at:
            self._repeat_at = now + REPEAT
            self._requested.clear()
            effects += self._request()
        if self.phase is not Phase.active and now >= self._report_at:
            self._report_at = now + PATIENCE
            effects += self._report()
        return effects

    def next_deadline(self) -> float | None:
        if self._has_work:
            return self._now
        following = (follower.next_deadline() for follower in self.followers.values())
        self._awaits = self._awaits and any(self._due())
        repeat_at = self._repeat_at if self._awaits else None
        silent_at = self._silent_at if self.phase is Phase.preparing and self._promises.suffice else None
        return earliest(*following, repeat_at, silent_at, None if self.phase is Phase.active else self._report_at)

    def validate(self) -> None:
        for follower in self.followers.values():
            follower.validate()
        assert all(copy in self._promises for copy in self.followers), "a copy follows without a promise"
        if self.phase is Phase.active:
            assert self._local in self._promises, "the primary's own promise is missing"
            assert self._is_kept, f"too few copies are confirmed: {self._confirmed}"
            assert decides(self.view.group, self._sealed), f"too few copies know the view: {self._sealed}"

    @property
    def is_caught_up(self) -> bool:
        """Whether the other copies cannot decide without one that has all that the primary has."""
        late = [copy for copy in self.view.copies if copy != self._local and not self._is_in_step(copy)]
        return not decides(self.view.group, late)

    def _is_in_step(self, copy: CopyId) -> bool:
        return copy in self.followers and self.followers[copy].is_in_step

    # Stages

    def _progress(self, now: float) -> list[Effect]:
        """Do what the last reply has made possible."""
        self._now, self._awaits = now, True
        effects: list[Effect] = []
        if self.phase is Phase.preparing and self._may_decide:
            self.phase = Phase.deciding
            self._decision = self._promises.decide()
        if self.phase is Phase.deciding and self._decision is not None and self._decision.step(SLICE):
            effects += self._complete(self._decision.choices, now)
        if self.phase is Phase.completing and self.followers[self._local].is_equal:
            effects += self._lead(now)
        if self.phase is Phase.confirming and self._is_kept:
            self.phase = Phase.sealing
        if self.phase is Phase.sealing and self._is_known:
            self.phase = Phase.active
            self.view = replace(self.view, former=())
            self._requested = {(copy, kind) for copy, kind in self._requested if kind is not Seal}
            effects.append(Activated(self.view))
        return [*effects, *self._request()]

    @property
    def _may_decide(self) -> bool:
        if not self._promises.suffice:
            return False
        is_certain = not self._promises.may_lack_events or all(copy in self._promises for copy in self._asked)
        return is_certain or self._now >= self._silent_at

    def _complete(self, choices: Mapping[str, Choice], now: float) -> list[Effect]:
        """Get what the local copy lacks of the histories that are continued."""
        self.phase, self._decision = Phase.completing, None
        former = tuple(group for group in dict.fromkeys(self._promises.leaves) if group != self.view.group)
        forced = (*self._promises.newest.forced, *([self.view.epoch] if self._forced else []))
        self.view = replace(self.view, former=() if self._forced else former, forced=forced)
        completion = self.followers[self._local] = Follower(self._local, self.view.epoch, Chosen(choices))
        return [*completion.begin(self._promises.take_positions(self._local), choices, now)]

    # Work of which there may be much: a part of it at a time

    @property
    def _has_work(self) -> bool:
        return self.phase is Phase.deciding or any(follower.is_comparing for follower in self.followers.values())

    def _work(self, now: float) -> list[Effect]:
        """Go on with it. What goes on with a decision is what any reply does as well."""
        if self.phase in (Phase.preparing, Phase.deciding):
            return self._progress(now)
        comparing = next((follower for follower in self.followers.values() if follower.is_comparing), None)
        return [] if comparing is None else [*comparing.compare(now), *self._progress(now)]

    def _lead(self, now: float) -> list[Effect]:
        self.phase = Phase.confirming
        del self.followers[self._local]
        promised = [copy for copy in self.view.copies if copy in self._promises]
        return [effect for copy in promised for effect in self._follow(copy, now)]

    def _follow(self, copy: CopyId, now: float) -> list[Effect]:
        if copy == self._local or copy not in self.view.copies:
            return []
        model = Own(self._local, self.view.epoch, self._histories)
        follower = self.followers[copy] = Follower(copy, self.view.epoch, model)
        return [*follower.begin(self._promises.take_positions(copy), self._histories, now)]

    @property
    def _is_kept(self) -> bool:
        """Whether what the primary has found survives."""
        return self._local in self._confirmed and stores(self.view.group, self._confirmed)

    @property
    def _is_known(self) -> bool:
        """Whether any later promises, to a primary that leaves this group or one before it, meet this view."""
        return all(decides(group, self._sealed) for group in (*self.view.former, self.view.group))

    # Requests

    def _request(self) -> list[Effect]:
        """Send what has become due, once; `tick` repeats it."""
        due = [send for send in self._due() if (send.to, type(send.message)) not in self._requested]
        self._requested.update((send.to, type(send.message)) for send in due)
        return [*due]

    def _due(self) -> Iterator[Send[Prepare | Confirm | Seal]]:
        """What copies have not replied to."""
        epoch = self.view.epoch
        known = self._settled if self.phase is Phase.active else self._sealed
        for copy in self._asked:
            if copy not in self._promises:
                yield Send(copy, Prepare(epoch, self._promises.lives.known))
                continue
            if self._may_confirm(copy):
                yield Send(copy, Confirm(epoch, self._promises.lives.known))
            if self.phase >= Phase.sealing and copy not in known:
                yield Send(copy, Seal(epoch, self.view))

    @property
    def _asked(self) -> dict[CopyId, None]:
        """The copies that have to reply; once the view has taken over, its own."""
        groups = () if self.phase is Phase.active else self._promises.leaves
        return dict.fromkeys([*self.view.copies, *(copy for group in groups for copy in group.copies)])

    def _may_confirm(self, copy: CopyId) -> bool:
        if self.phase < Phase.confirming or copy in self._confirmed or copy not in self.view.copies:
            return False
        return copy == self._local or self.followers[copy].is_equal

    # The operator

    def _report(self) -> list[Effect]:
        reason = self._reason()
        if reason == self._reported:
            return []
        self._reported = reason
        return [Unavailable(self.view.epoch, reason)]

    def _reason(self) -> str:
        match self.phase:
            case Phase.preparing:
                silent = [copy for copy in self._asked if copy not in self._promises]
                return (
                    f"copies {', '.join(silent)} have not promised it, and the others may lack acknowledged events; "
                    "start their nodes, or, if their disks are gone for good, accept it with "
                    "system.force_promote(region, shard, allow_data_loss=True)"
                )
            case Phase.deciding | Phase.completing:
                return "the copies that have the newest events do not send them; see the logs of their nodes"
            case Phase.confirming:
                return (
                    f"{len(self._confirmed)} copies have all events, and min_acks={self.view.min_acks} requires "
                    f"{1 + self.view.min_acks}; it ends when more are caught up: start their nodes, or other ones"
                )
            case Phase.sealing | Phase.active:
                unaware = [copy for copy in self._asked if copy not in self._sealed]
                return f"copies {', '.join(unaware)} have not stored the new view; start their nodes"
