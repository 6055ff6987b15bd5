"""The frame of the strategies that judge two sides by their members alone."""

from collections.abc import Callable

from casty.spi.downing import Down, MembershipView

from casty_cluster.protocol.downing.sides import Judgement, Sides, Split, Verdict, with_role


def decide(name: str, view: MembershipView, role: str | None, judge: Callable[[Sides], Judgement]) -> Down | None:
    """What the strategy called `name` decides; only members with the role count, if one is given, but all go down."""
    if not view.unreachable:
        return None
    split = Split.of(view)
    if split.contradictory:
        return Down(split.everybody, f"{name}: what the members observe of each other is contradictory")
    sides = Sides(with_role(view.members, role), split.unreachable)
    judgement = judge(sides) if sides.counted() else Judgement(Verdict.nobody, f"no member that counts {_has(role)}")
    detours = f"; {len(split.indirect)} are connected by detours only" if split.indirect else ""
    return Down(split.given_up(judgement.verdict), f"{name}: {judgement.verdict.value}: {judgement.reason}{detours}")


def _has(role: str | None) -> str:
    return "is there" if role is None else f"has the role {role!r}"
