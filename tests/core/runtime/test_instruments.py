"""The instruments of a system: made with their options, attached and detached with it, harmless when they fail."""

import logging
from dataclasses import dataclass, field
from typing import Any

import pytest
from casty import ActorStarted, ActorStopped, ActorSystem, Behaviors, CastyConfig, EventStream
from casty.errors import PluginError
from casty.plugins import InstrumentProvider, NoOptions, hookimpl

from tests.core.runtime.probe import Boom, nothing


@dataclass(frozen=True, slots=True)
class MetricsOptions:
    port: int = 1


@dataclass(slots=True)
class Metrics:
    """An instrument that writes down what it sees, and raises `error` at the step that `fails` names."""

    fails: str = ""
    error: BaseException = field(default_factory=Boom)
    lines: list[str] = field(default_factory=list[str])
    options: MetricsOptions | None = None

    def create(self, options: MetricsOptions) -> "Metrics":
        self._line("create")
        self.options = options
        return self

    def attach(self, stream: EventStream, system_name: str) -> None:
        stream.subscribe(ActorStarted, lambda _: self._line("started"))
        stream.subscribe(ActorStopped, self._stopped)
        self._line("attach")

    async def _stopped(self, _: ActorStopped) -> None:
        self._line("stopped")

    def detach(self) -> None:
        self._line("detach")

    def _line(self, line: str) -> None:
        self.lines.append(line)
        if line == self.fails:
            raise self.error


class Plugin:
    def __init__(self, *instruments: Metrics, options: type = MetricsOptions) -> None:
        self._instruments = instruments
        self._options = options

    @hookimpl
    def casty_instruments(self) -> list[InstrumentProvider[Any]]:
        return [
            InstrumentProvider(names=(f"metrics-{number}", f"meter-{number}"), create=it.create, options=self._options)
            for number, it in enumerate(self._instruments)
        ]


WHOLE_LIFE = ["create", "attach", "started", "stopped", "detach"]


async def live(*plugins: object, instruments: dict[str, dict[str, object]] | None = None, actors: int = 1) -> None:
    """The whole life of a system with so many actors."""
    async with ActorSystem(config=CastyConfig(instruments=instruments or {}), plugins=plugins) as system:
        for _ in range(actors):
            system.spawn(Behaviors.receive(nothing))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_instruments_see_the_whole_life_of_a_system() -> None:
    metrics = Metrics()
    await live(Plugin(metrics))
    assert metrics.lines == WHOLE_LIFE


async def test_an_instrument_gets_the_options_that_are_configured_under_any_of_its_names() -> None:
    first, second, third = Metrics(), Metrics(), Metrics()
    await live(Plugin(first, second, third), instruments={"metrics-0": {"port": 2}, "meter-1": {"port": 3}})
    assert [it.options for it in (first, second, third)] == [MetricsOptions(2), MetricsOptions(3), MetricsOptions(1)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prot": 1}, "instrument 'metrics-0' has no option 'prot'; did you mean 'port'"),
        ({"port": "x"}, "option 'port' of instrument 'metrics-0' must be an integer"),
    ],
)
async def test_a_wrong_option_is_an_error_at_the_start(options: dict[str, object], message: str) -> None:
    metrics = Metrics()
    with pytest.raises(PluginError, match=message):
        await live(Plugin(metrics), instruments={"metrics-0": options})
    assert metrics.lines == []


async def test_options_of_an_instrument_that_is_not_there_are_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    await live(Plugin(Metrics()), instruments={"metrcs-0": {"port": 1}})
    assert [text for text in warnings(caplog) if "[instruments.metrcs-0]" in text and "metrics-0" in text] != []
    assert len(warnings(caplog)) == 1


@dataclass(frozen=True, slots=True)
class Needy:
    token: str


async def test_an_instrument_without_the_options_that_it_needs_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """It is installed but not requested: that must not keep the program from starting."""
    good, needy = Metrics(), Metrics()
    await live(Plugin(needy, options=Needy), Plugin(good))
    assert needy.lines == []
    assert good.lines == WHOLE_LIFE
    assert len(warnings(caplog)) == 1
    assert "instrument 'metrics-0' needs the option 'token'" in warnings(caplog)[0]


FAILURES = {
    "create": ["create"],
    "attach": ["create", "attach"],
    "started": ["create", "attach", "started", "started", "stopped", "stopped", "detach"],
    "stopped": ["create", "attach", "started", "started", "stopped", "stopped", "detach"],
    "detach": ["create", "attach", "started", "started", "stopped", "stopped", "detach"],
}


@pytest.mark.parametrize("step", FAILURES)
async def test_a_failing_instrument_is_one_warning_with_its_name_and_harms_nothing(
    step: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, bad, last = Metrics(), Metrics(fails=step), Metrics()
    await live(Plugin(first, bad, last), actors=2)
    assert first.lines == last.lines == FAILURES["detach"]
    assert bad.lines == FAILURES[step]
    assert len(warnings(caplog)) == 1
    assert "the instrument 'metrics-1' of the actor system 'casty'" in warnings(caplog)[0]


@pytest.mark.parametrize("step", ["create", "attach", "detach"])
async def test_an_instrument_that_exits_does_not_end_the_program(step: str, caplog: pytest.LogCaptureFixture) -> None:
    good = Metrics()
    await live(Plugin(Metrics(fails=step, error=SystemExit(3)), good))
    assert good.lines == WHOLE_LIFE
    assert len(warnings(caplog)) == 1


async def test_what_is_no_instrument_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    class Wrong:
        @hookimpl
        def casty_instruments(self) -> list[InstrumentProvider[Any]]:
            def create(_: NoOptions) -> Any:
                return "what the author returned by mistake"

            return [InstrumentProvider(names=("wrong",), create=create)]

    await live(Wrong())
    assert len(warnings(caplog)) == 1
    assert "the instrument 'wrong'" in warnings(caplog)[0]


async def test_what_an_instrument_leaves_behind_ends_with_it() -> None:
    """The stream outlives one run of the system: a second run must not be seen twice."""
    metrics = Metrics()
    system = ActorSystem(plugins=[Plugin(metrics)])
    for _ in range(2):
        async with system:
            system.spawn(Behaviors.receive(nothing))
    assert metrics.lines == WHOLE_LIFE * 2


async def test_an_instrument_may_unsubscribe_by_its_handler() -> None:
    seen: list[str] = []

    class Once:
        def attach(self, stream: EventStream, system_name: str) -> None:
            self._stream = stream
            stream.subscribe(ActorStarted, self.started)

        def started(self, _: ActorStarted) -> None:
            seen.append("started")
            self._stream.unsubscribe(ActorStarted, self.started)

        def detach(self) -> None:
            seen.append("detach")

    class Offer:
        @hookimpl
        def casty_instruments(self) -> list[InstrumentProvider[Any]]:
            return [InstrumentProvider(names=("once",), create=lambda _: Once())]

    await live(Offer(), actors=3)
    assert seen == ["started", "detach"]
