"""The strategy `down-all`: no side survives, so that all nodes restart together. For clusters in which a lost link
means that nothing can be relied on.
"""

from typing import Final, final

from casty.spi.downing import Decision, Down, MembershipView

NAME: Final = "down-all"


@final
class DownAll:
    """See `casty.spi.downing.DowningStrategy`."""

    def decide(self, view: MembershipView) -> Decision:
        if not view.unreachable:
            return None
        return Down(frozenset(member.node for member in view.members), f"{NAME}: a member is unreachable")
