"""Detectors and strategies as a configuration names them, with the options that it gives."""

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from casty.config import CastyConfig, ClusterConfig, DowningConfig, FailureDetectorConfig
from casty.config.convert import table_from
from casty.errors import ConfigError, PluginError
from casty.plugins import NoOptions, PluginRegistry, TransportProvider, build_options, hookimpl
from casty.spi.transport import Endpoint, FrameReceiver, Transport, TransportCapabilities
from casty.tls import Config as TlsConfig
from casty_cluster import ClusteredActorSystem
from casty_cluster.protocol.phi_accrual import PhiAccrualOptions
from casty_cluster.protocol.swim import SwimOptions


def detector_options(config: FailureDetectorConfig) -> object:
    provider = PluginRegistry.discover().failure_detector(config.kind)
    return build_options(provider, config.provider_options)


def strategy_options(config: DowningConfig) -> object:
    provider = PluginRegistry.discover().downing_strategy(config.strategy)
    return build_options(provider, config.options)


def test_the_defaults_of_the_configuration_are_those_of_the_detector() -> None:
    assert detector_options(FailureDetectorConfig()) == PhiAccrualOptions()


def test_each_figure_of_phi_accrual_has_its_key() -> None:
    keys = FailureDetectorConfig().provider_options
    assert [field.name for field in fields(PhiAccrualOptions) if field.name not in keys] == ["monitors"]


def test_further_options_of_phi_accrual() -> None:
    config = table_from(CastyConfig, {"cluster": {"failure_detector": {"threshold": 10, "options": {"monitors": 5}}}})
    assert detector_options(config.cluster.failure_detector) == PhiAccrualOptions(threshold=10.0, monitors=5)


def test_options_of_swim() -> None:
    config = FailureDetectorConfig(kind="swim", threshold=12.0, options={"protocol_period": 2, "suspicion_mult": 5})
    assert detector_options(config) == SwimOptions(protocol_period=2.0, suspicion_mult=5)


def test_wrong_options_name_the_nearest() -> None:
    with pytest.raises(PluginError, match="failure detector 'swim' has no option 'suspicion_mul'; did you mean 'suspi"):
        detector_options(FailureDetectorConfig(kind="swim", options={"suspicion_mul": 2}))
    with pytest.raises(PluginError, match="downing strategy 'static-quorum' needs the option 'quorum_size'"):
        strategy_options(DowningConfig(strategy="static-quorum"))
    with pytest.raises(PluginError, match="the options of downing strategy 'lease' do not fit together: url must"):
        strategy_options(DowningConfig(strategy="lease", options={"url": "postgres"}))
    with pytest.raises(PluginError, match="downing strategy 'down-all' has no option 'role'; it takes none"):
        strategy_options(DowningConfig(strategy="down-all", options={"role": "x"}))


@asynccontextmanager
async def never_opened(
    url: str, receiver: FrameReceiver, endpoint: Endpoint, options: NoOptions
) -> AsyncGenerator[Transport]:
    raise AssertionError("no test opens it")
    yield


class Transports:
    """A transport for each combination of what it may declare."""

    @hookimpl
    def casty_transports(self) -> list[TransportProvider[NoOptions]]:
        return [
            TransportProvider(names=("plain",), open=never_opened),
            TransportProvider(
                names=("checking",), open=never_opened, capabilities=TransportCapabilities(authenticates=True)
            ),
            TransportProvider(names=("hiding",), open=never_opened, capabilities=TransportCapabilities(encrypts=True)),
        ]


COOKIE = "s" * 32
TLS = TlsConfig(server_context=ssl.create_default_context, client_context=ssl.create_default_context)


@pytest.mark.parametrize(
    ("transport", "protection", "message"),
    [
        ("plain", {"cookie": COOKIE}, "'plain' does not authenticate peers.*transport=\"tcp\".*leave out cookie="),
        ("plain", {"tls": TLS}, "'plain' does not encrypt.*transport=\"tls\".*leave out tls="),
        ("checking", {"tls": TLS}, "'checking' does not encrypt"),
        ("hiding", {"cookie": COOKIE}, "'hiding' does not authenticate"),
        ("hiding", {"cookie": COOKIE, "tls": TLS}, "'hiding' does not authenticate"),
        ("inproc", {"tls": TLS}, "'inproc' does not encrypt"),
    ],
)
def test_protection_that_a_transport_would_ignore_is_refused(
    transport: str, protection: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        ClusteredActorSystem(name="c", transport=transport, plugins=[Transports()], **protection)


def test_a_cookie_file_counts_as_a_cookie(tmp_path: Path) -> None:
    file = tmp_path / "cookie"
    file.touch(mode=0o600)
    file.write_text(COOKIE)
    config = CastyConfig(cluster=ClusterConfig(transport="plain", cookie_file=str(file)))
    with pytest.raises(ConfigError, match="'plain' does not authenticate"):
        ClusteredActorSystem(name="c", config=config, plugins=[Transports()])


@pytest.mark.parametrize(
    ("transport", "protection"),
    [
        ("plain", {}),
        ("checking", {"cookie": COOKIE}),
        ("hiding", {"tls": TLS}),
        ("inproc", {"cookie": COOKIE}),
        ("tcp", {"cookie": COOKIE}),
        ("tls", {"cookie": COOKIE, "tls": TLS}),
    ],
)
def test_protection_that_a_transport_declares_is_accepted(transport: str, protection: dict[str, Any]) -> None:
    ClusteredActorSystem(name="c", transport=transport, plugins=[Transports()], **protection)


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        (ClusterConfig(transport="tpc"), "no transport named 'tpc'.*did you mean 'tcp'"),
        (
            ClusterConfig(transport_options={"silence_timout": 3.0}),
            "no option 'silence_timout'; did you mean",
        ),
        (
            ClusterConfig(downing=DowningConfig(strategy="lease", options={"url": "postgresqk://x"})),
            "no lease store named 'postgresqk'",
        ),
    ],
    ids=["transport", "option", "lease store"],
)
def test_what_a_node_needs_is_found_when_it_is_made(cluster: ClusterConfig, message: str) -> None:
    """The lease store too, which is asked for nothing before a partition."""
    with pytest.raises(PluginError, match=message):
        ClusteredActorSystem(name="c", config=CastyConfig(cluster=cluster))


@pytest.mark.parametrize("name", ["x\n2026-01-01 ERROR forged", "x" * 256])
@pytest.mark.parametrize("argument", ["node_id", "roles"])
def test_names_that_a_cluster_would_reject_are_refused_at_once(argument: str, name: str) -> None:
    given = {argument: name if argument == "node_id" else [name]}
    with pytest.raises(ConfigError, match=f"{argument} must be printable and at most 255 characters long, not 'x"):
        ClusteredActorSystem(name="c", **given)  # pyright: ignore[reportArgumentType] (each is of its own type)
