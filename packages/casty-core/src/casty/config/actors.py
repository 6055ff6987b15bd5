"""What a configuration says about actors: tables with open keys, and the settings they come to.

None means "not said here": the table below decides, and below the last one the defaults that the code has.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from casty.behaviors.supervision import Backoff, Directive, OneForOneStrategy, Strategy
from casty.config.kinds import Amount, Count, Factor, NotNegative, NumShards, Positive, Text, Url
from casty.config.tables import Table
from casty.errors import ConfigError
from casty.mailbox import Mailbox, MailboxOverflowStrategy
from casty.replication import ReplicationConfig

DEFAULT_NUM_SHARDS: Final = 100
DEFAULT_ALLOCATION: Final = "least-shards"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxOverrides(Table):
    """How many messages may wait for an actor, and what happens to those beyond; see `Mailbox`."""

    capacity: Count | None = None
    strategy: MailboxOverflowStrategy | None = None

    def mailbox(self) -> Mailbox:
        return Mailbox(**_given(capacity=self.capacity, overflow=self.strategy))


@dataclass(frozen=True, slots=True)
class Always:
    """A decider that returns the same directive for every exception."""

    directive: Directive

    def __call__(self, exception: BaseException) -> Directive:
        return self.directive


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionOverrides(Table):
    """What happens when an actor fails; see `OneForOneStrategy` and `Backoff`."""

    strategy: Directive | None = None
    """Open, with another key of this table set: restart, since only a restart has limits and waits."""
    max_restarts: Amount | None = None
    within_seconds: Positive | None = None
    backoff_initial: NotNegative | None = None
    """Seconds, as is `backoff_max`. A restart waits only where one of the back-off's keys is set."""
    backoff_max: NotNegative | None = None
    backoff_multiplier: Factor | None = None
    backoff_jitter: NotNegative | None = None

    def supervision(self) -> Strategy | None:
        """None where no key is set: no strategy decides, and a failure stops the actor."""
        if self == SupervisionOverrides():
            return None
        backoff = _given(
            initial=self.backoff_initial,
            maximum=self.backoff_max,
            multiplier=self.backoff_multiplier,
            jitter=self.backoff_jitter,
        )
        return OneForOneStrategy(
            decider=None if self.strategy in (None, Directive.restart) else Always(self.strategy),
            backoff=Backoff(**backoff) if backoff else None,
            **_given(max_restarts=self.max_restarts, within=self.within_seconds),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardingOverrides(Table):
    """How the entities of a sharded behavior are spread."""

    num_shards: NumShards | None = None
    allocation: Text | None = None
    """The name of the strategy that says which node of a cluster runs each shard."""
    allocation_options: Mapping[str, object] | None = None
    """Handed to the strategy's provider, which checks them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationOverrides(Table):
    """Passive copies of sharded, event-sourced entities; see `ReplicationConfig`."""

    replicas: Amount | None = None
    min_acks: Amount | None = None
    ack_timeout: Positive | None = None
    spread: str | None = None

    def replication(self) -> ReplicationConfig | None:
        """None where no key is set."""
        given = _given(replicas=self.replicas, min_acks=self.min_acks, ack_timeout=self.ack_timeout, spread=self.spread)
        return ReplicationConfig(**given) if given else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultsConfig(Table):
    """`[defaults.*]`: what holds for every actor of the user's."""

    mailbox: MailboxOverrides = MailboxOverrides()
    supervision: SupervisionOverrides = SupervisionOverrides()
    sharding: ShardingOverrides = ShardingOverrides()
    replication: ReplicationOverrides = ReplicationOverrides()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorConfig(DefaultsConfig):
    """`[actors.<pattern>]`: what holds for the actors whose name the pattern matches as a whole."""

    journal: Url | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorSettings:
    """What the configuration comes to for one actor. An argument given in code goes before each of these."""

    mailbox: Mailbox = field(default_factory=Mailbox)
    supervision: Strategy | None = None
    """None: a failure stops the actor."""
    num_shards: int = DEFAULT_NUM_SHARDS
    allocation: str = DEFAULT_ALLOCATION
    """The name of an allocation strategy."""
    allocation_options: Mapping[str, object] = field(default_factory=dict[str, object])
    replication: ReplicationConfig | None = None
    """None: the configuration says nothing about copies."""
    journal: str | None = None
    """The URL of the journal for an event-sourced actor that names none; None: memory."""


def settle(actor: ActorConfig, defaults: DefaultsConfig, journal: str | None) -> ActorSettings:
    """What the tables come to. Raises `ConfigError` where one contradicts the other."""
    sharding = _over(actor.sharding, defaults.sharding)
    if actor.sharding.allocation is not None:  # the default options are those of another strategy
        sharding = replace(sharding, allocation_options=actor.sharding.allocation_options)
    try:
        return ActorSettings(
            mailbox=_over(actor.mailbox, defaults.mailbox).mailbox(),
            supervision=_over(actor.supervision, defaults.supervision).supervision(),
            replication=_over(actor.replication, defaults.replication).replication(),
            num_shards=sharding.num_shards or DEFAULT_NUM_SHARDS,
            allocation=sharding.allocation or DEFAULT_ALLOCATION,
            allocation_options=sharding.allocation_options or {},
            journal=actor.journal or journal,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _over[T: Table](upper: T, lower: T) -> T:
    """The keys that `upper` sets, and `lower`'s for the rest."""
    return replace(lower, **_given(**{key.name: getattr(upper, key.name) for key in fields(upper)}))


def _given(**arguments: object) -> dict[str, Any]:
    """Only what a table sets, so that defaults stay where the code has them. The tables checked the types."""
    return {name: value for name, value in arguments.items() if value is not None}
