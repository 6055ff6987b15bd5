"""The complete `casty.toml` that the specification shows loads as it is written there."""

from pathlib import Path

import pytest
from casty.behaviors.supervision import Directive, OneForOneStrategy
from casty.config import ActorSettings, ActorSettingsResolver, CastyConfig, load_config
from casty.config.actors import Always
from casty.mailbox import Mailbox, MailboxOverflowStrategy
from casty.replication import ReplicationConfig
from casty.spi.transport import PeerAddress

pytestmark = pytest.mark.usefixtures("nothing_in_the_environment")

SEED = Path(__file__).parents[4] / "shared" / "seeds" / "003_805ff5e1cae4b86b.txt"


@pytest.fixture
def config(tmp_path: Path) -> CastyConfig:
    if not SEED.exists():
        pytest.skip(f"the seed document is not here: {SEED}")
    _, _, rest = SEED.read_text().partition("A complete casty.toml covering all configurable aspects:")
    text, end, _ = rest.partition("Every key is optional.")
    assert end
    path = tmp_path / "casty.toml"
    path.write_text(text)
    return load_config(path)


def test_cluster(config: CastyConfig) -> None:
    cluster = config.cluster

    assert config.system.name == "my-app"
    assert (cluster.host, cluster.port, cluster.roles) == ("0.0.0.0", 25520, ("worker",))
    assert cluster.seed_addresses == (PeerAddress("node1", 25520), PeerAddress("node2", 25520))
    assert cluster.gossip.interval == 1.0
    assert (cluster.heartbeat.interval, cluster.heartbeat.availability_check_interval) == (0.5, 2.0)
    assert cluster.failure_detector.max_sample_size == 200
    assert cluster.failure_detector.acceptable_heartbeat_pause_ms == 0.0


def test_actors(config: CastyConfig) -> None:
    resolve = ActorSettingsResolver(config).resolve
    usual = ActorSettings(
        mailbox=Mailbox(1000),
        supervision=OneForOneStrategy(max_restarts=3, within=60.0),
        num_shards=256,
        replication=ReplicationConfig(replicas=2, min_acks=1, ack_timeout=5.0),
    )

    assert resolve("an-actor") == usual
    assert resolve("orders").num_shards == 512
    assert resolve("orders").replication == ReplicationConfig(replicas=3, min_acks=2, ack_timeout=5.0)
    assert resolve("orders").mailbox == usual.mailbox
    assert resolve("my-worker").mailbox == Mailbox(5000, MailboxOverflowStrategy.backpressure)
    assert resolve("my-worker").supervision == OneForOneStrategy(decider=Always(Directive.stop))
    assert resolve("child-42").mailbox == Mailbox(100, MailboxOverflowStrategy.drop_oldest)
    assert resolve("child-x") == usual
