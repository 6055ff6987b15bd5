"""The clauses of the protocol, each switched off in turn: an exploration that does not notice proves nothing.

`python -m tests.cluster.protocol.replication.ablations` prints which seed of which scenario notices each of them, and
`... ablations 1000 confirm start` searches all scenarios for seeds that notice these.
"""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from casty_cluster.protocol.replication import decision, promises, promotion, quorum
from casty_cluster.protocol.replication.commits import Commits
from casty_cluster.protocol.replication.effects import Committed, Send
from casty_cluster.protocol.replication.follower import Follower
from casty_cluster.protocol.replication.history import History, end_of
from casty_cluster.protocol.replication.inputs import Promote
from casty_cluster.protocol.replication.lives import Lives
from casty_cluster.protocol.replication.member import Member
from casty_cluster.protocol.replication.primary import Primary
from casty_cluster.protocol.replication.promises import Promises
from casty_cluster.protocol.replication.promotion import Phase, Promotion
from casty_cluster.protocol.replication.reads import Reads
from casty_cluster.protocol.replication.replica import Replica
from casty_cluster.protocol.replication.reports import Report
from casty_cluster.wire.replication import (
    BEFORE,
    Acknowledge,
    CopyId,
    Entry,
    Epoch,
    Group,
    KnownLives,
    Lineage,
    Position,
    Prepare,
    Promised,
    Replicate,
    Seal,
    Verified,
    Verify,
    View,
)

from tests.cluster.protocol.exploring import Ablation, notice_by_command
from tests.cluster.protocol.replication.explorer import explore
from tests.cluster.protocol.replication.node import Node
from tests.cluster.protocol.replication.scenarios import SCENARIOS

type Patch = AbstractContextManager[object]


def _always(*_: object) -> bool:
    return True


def _never(*_: object) -> bool:
    return False


def _all_known(self: Lives, _: CopyId) -> KnownLives:
    return self.known


def _is(value: object) -> property:
    return property(lambda _: value)


# Promises


def _longest(position: Position, confirmed: Epoch) -> Position:
    return Position(BEFORE, position.sequence_nr)


def _by_last_event(position: Position, confirmed: Epoch) -> Position:
    return position


def _add_and_ignore_views(self: Promises, copy: CopyId, promised: Promised) -> bool:
    return _ADD(self, copy, replace(promised, view=None))


def _complete_with_any_part(self: Promises, copy: CopyId, promised: Promised) -> bool:
    return _ADD(self, copy, replace(promised, part=0, parts=1))


def _promise_in_memory(self: Replica, sender: CopyId, message: Prepare) -> list[Any]:
    self._contents.promised = message.epoch
    return self._start(Report(sender, message.epoch, self._contents))


def _obey_any_epoch(self: Replica, sender: CopyId, message: Any) -> list[Any]:
    if isinstance(message, Replicate) and message.epoch < self.promised:
        return self._replicate(sender, message)
    return _RECEIVED(self, sender, message)


def _promote_again(self: Member, given: Promote, now: float) -> Any:
    if given.epoch == self.promised:
        with patch.object(Replica, "promised", _is(Epoch(0, 0))):
            return _PROMOTE(self, given, now)
    return _PROMOTE(self, given, now)


# Quorums


def _any_copies(group: Group, copies: Collection[CopyId]) -> bool:
    return any(copy in copies for copy in group.copies)


def _only_what_meets_writes(group: Group, copies: Collection[CopyId]) -> bool:
    return sum(copy in copies for copy in group.copies) >= len(group.copies) - group.min_acks


def _only_a_majority(group: Group, copies: Collection[CopyId]) -> bool:
    return 2 * sum(copy in copies for copy in group.copies) > len(group.copies)


def _any_half(group: Group, copies: Collection[CopyId]) -> bool:
    agreeing = sum(copy in copies for copy in group.copies)
    return agreeing >= len(group.copies) - group.min_acks and 2 * agreeing >= len(group.copies)


# Events


def _acknowledge_before_stored(self: Replica, sender: CopyId, message: Replicate) -> list[Any]:
    effects = _REPLICATE(self, sender, message)
    return [*effects, *(self._waiting[-1] if self._waiting else [])]


def _has_the_number(self: History, position: Position) -> bool:
    return position.sequence_nr <= self.last


def _keep_what_differs(self: Replica, history: History, message: Replicate) -> tuple[int, tuple[Entry, ...]]:
    have = max(0, history.last - message.previous.sequence_nr)
    if have < len(message.entries):
        return history.last, message.entries[have:]
    return self._kept(history, message, message.previous.sequence_nr + message.count), ()


def _keep_all(self: Replica, history: History, message: Replicate, end: int) -> int:
    return history.last


def _acknowledge_the_end(self: Follower, reply: Acknowledge, now: float) -> list[Any]:
    end = self._model.end(reply.entity).sequence_nr
    return _ACKNOWLEDGE(self, Acknowledge(reply.epoch, reply.entity, end), now)


def _count_replies(self: Primary, sender: CopyId, reply: Acknowledge) -> list[Committed]:
    if reply.entity not in self._commits:
        return []
    if sender == self._local:
        self._commits.stored(reply.entity, reply.sequence_nr)
        return []
    return self._commits.count(reply.entity, [reply.sequence_nr] * self._commits._min_acks)


def _count_without_the_local_disk(self: Commits, entity: str, others: Any) -> list[Committed]:
    self._open[entity].local = self._open[entity].writes[-1]
    return _COUNT(self, entity, others)


def _count_one_less(self: Commits, entity: str, others: Any) -> list[Committed]:
    return _COUNT(self, entity, [*others, self._open[entity].writes[-1]])


# Snapshots


def _all_that_there_is(self: Commits, entity: str, last: int) -> int:
    return last


def _install_by_number(self: History, lineage: Lineage) -> None:
    if end_of(lineage).sequence_nr > self.last:
        _INSTALL(self, lineage)
    self.snapshot = end_of(lineage).sequence_nr


def _cut_into_a_snapshot(self: Replica, sender: CopyId, message: Replicate) -> list[Any]:
    history = self._contents.histories.get(message.entity)
    if history is not None:
        history.snapshot = 0
    return _REPLICATE(self, sender, message)


# Stages


def _lead_without_completion(self: Promotion, choices: object, now: float) -> list[Any]:
    self.phase = Phase.completing
    self.followers[self._local] = Follower(self._local, self.view.epoch, None)  # pyright: ignore[reportArgumentType] - never used
    return []


def _confirm_unequal(self: Promotion, copy: CopyId) -> bool:
    return self.phase >= Phase.confirming and copy not in self._confirmed and copy in self.view.copies


def _sealed_by_the_new_group(self: Promotion) -> bool:
    return quorum.decides(self.view.group, self._sealed)


def _sealed_by_the_old_groups(self: Promotion) -> bool:
    return all(quorum.decides(group, self._sealed) for group in self.view.former or (self.view.group,))


def _leave_the_newest_group(self: Promises) -> tuple[Group, ...]:
    return (self.newest.group,)


def _found_alone(self: Promises) -> View:
    return self._view if self._previous.epoch == BEFORE else self._previous


def _seal_any_epoch(self: Replica, sender: CopyId, message: Any) -> list[Any]:
    if isinstance(message, Seal) and message.epoch < self.promised:
        return self._seal(sender, message)
    return _RECEIVED(self, sender, message)


# Reads


def _verify_any_epoch(self: Replica, sender: CopyId, message: Any) -> list[Any]:
    if isinstance(message, Verify):
        return [Send(sender, Verified(message.epoch, message.number))]
    return _RECEIVED(self, sender, message)


def _count_any_round(self: Reads, number: int) -> bool:
    return quorum.blocks(self._view.group, [*self._replied])


def _note_nothing(self: Reads, number: int, sequence_nr: int, now: float) -> list[Any]:
    return _ADD_READ(self, number, max(0, sequence_nr - 1), now)


def _same_name(self: Node) -> str:
    return "ABCDEFGH"[self.index]


_ADD = Promises.add
_PROMISE, _RECEIVED, _REPLICATE = Replica._promise, Replica._received, Replica._replicate
_ADD_READ = Reads.add
_INSTALL = History.install
_PROMOTE, _ACKNOWLEDGE, _COUNT = Member._promote, Follower.acknowledge, Commits.count


def _all(*patches: Patch) -> Patch:
    stack = ExitStack()
    for one in patches:
        stack.enter_context(one)
    return stack


def _decides(mutant: object) -> Callable[[], Patch]:
    return lambda: _all(*(patch.object(module, "decides", mutant) for module in (promises, promotion)))


def _off(owner: object, name: str, mutant: object) -> Callable[[], Patch]:
    return lambda: patch.object(owner, name, mutant)


ABLATIONS: dict[str, Ablation] = {
    "epoch_first": (_off(decision, "_rank", _longest), "r2m1", 21),
    "confirm": (_off(decision, "_rank", _by_last_event), "r2m1x2", 350),
    "views_in_reports": (_off(Promises, "add", _add_and_ignore_views), "views3", 75),
    "former_groups": (_off(Promises, "leaves", property(_leave_the_newest_group)), "views3", 269),
    "all_parts": (_off(Promises, "add", _complete_with_any_part), "r2m1x2", 2),
    "promise_stored": (_off(Replica, "_promise", _promise_in_memory), "crash3", 2),
    "promise_kept": (_off(Replica, "_received", _obey_any_epoch), "r2m1", 16),
    "granted_once": (_off(Member, "_promote", _promote_again), "r3m3", 70),
    "enough_promises": (_off(promises, "decides", _any_copies), "r2m1x2", 2),
    "meets_writes": (_off(promises, "decides", _only_a_majority), "r4m1", 277),
    "meets_views": (_decides(_only_what_meets_writes), "r1m1", 68),
    "casting_vote": (_decides(_any_half), "r1m1", 68),
    "stored_first": (_off(Replica, "_replicate", _acknowledge_before_stored), "r2m1", 0),
    "previous": (_off(History, "has", _has_the_number), "r2m1x2", 18),
    "conflicts": (_off(Replica, "_missing", _keep_what_differs), "r2m1", 16),
    "start": (_off(Replica, "_kept", _keep_all), "r2m1x2", 138),
    "ack_number": (_off(Follower, "acknowledge", _acknowledge_the_end), "r2m1", 4),
    "ack_epoch": (_off(Primary, "_is_for_it", _always), "r2m1", 179),
    "distinct": (_off(Primary, "_count", _count_replies), "r4m2", 2),
    "local_disk": (_off(Commits, "count", _count_without_the_local_disk), "r2m1x2", 0),
    "min_acks": (_off(Commits, "count", _count_one_less), "r2m1", 0),
    "completion": (_off(Promotion, "_complete", _lead_without_completion), "r2m1", 7),
    "confirm_equal": (_off(Promotion, "_may_confirm", _confirm_unequal), "r2m1x2", 19),
    "kept_first": (_off(Promotion, "_is_kept", _is(True)), "groups3", 10),
    "founders": (_off(Promises, "newest", property(_found_alone)), "births3", 10),
    "seal": (_off(Promotion, "_is_known", _is(True)), "calm3", 0),
    "seal_old": (_off(Promotion, "_is_known", property(_sealed_by_the_new_group)), "calm3", 0),
    "seal_new": (_off(Promotion, "_is_known", property(_sealed_by_the_old_groups)), "wipe3", 1),
    "seal_epoch": (_off(Replica, "_received", _seal_any_epoch), "groups3", 1),
    "read_confirmed": (_off(Reads, "_is_confirmed", _always), "reads3", 205),
    "read_round": (_off(Reads, "_is_confirmed", _count_any_round), "reads3", 822),
    "read_epoch": (_off(Replica, "_received", _verify_any_epoch), "reads3", 70),
    "read_noted": (_off(Reads, "add", _note_nothing), "reads3", 0),
    "snapshot_of_committed": (_off(Commits, "committed", _all_that_there_is), "snapshots3", 5),
    "snapshot_of_them": (_off(History, "install", _install_by_number), "snapshots3", 128),
    "snapshot_has_gone": (_off(Replica, "_replicate", _cut_into_a_snapshot), "alone3", 0),
    "caught_up": (_off(Promotion, "is_caught_up", _is(True)), "alone3", 1),
    "own_start": (_off(Lives, "besides", _all_known), "crash3", 266),
    "starts": (_off(Lives, "is_outdated", _never), "backups3", 89),
    "wiped_is_new": (_off(Node, "copy", property(_same_name)), "wipe3", 0),
}
"""By clause: how to switch it off, and a scenario and the first of the seeds that notice.

Two clauses are left to the tests of the replica, as each makes up for the other: that a promise is answered only when
it is stored, and that a copy ignores an epoch that it has not promised.
"""


if __name__ == "__main__":
    notice_by_command(explore, ABLATIONS, SCENARIOS)
