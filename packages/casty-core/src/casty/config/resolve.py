"""Which settings count for an actor, by its name. Everything is settled in advance: `spawn` only looks up."""

import re

from casty.config.actors import ActorConfig, ActorSettings, settle
from casty.config.schema import CastyConfig


class ActorSettingsResolver:
    """The actor settings of one configuration. Settings that are the same are the same object."""

    __slots__ = ("_matched", "_others", "_own")

    def __init__(self, config: CastyConfig) -> None:
        defaults, journal = config.defaults, config.journal.url
        self._matched = tuple(
            (re.compile(pattern).fullmatch, settle(actor, defaults, journal))
            for pattern, actor in config.actors.items()
        )
        self._others = settle(ActorConfig(), defaults, journal)
        self._own = ActorSettings(journal=journal)

    def resolve(self, name: str) -> ActorSettings:
        """The settings of an actor of that name: its last one, not its path.

        Names that begin with `_` are Casty's own: no pattern and no `[defaults]` reaches those actors.
        """
        if name.startswith("_"):
            return self._own
        for matches, settings in self._matched:
            if matches(name):
                return settings
        return self._others
