"""The conformance kit is worth something: a transport with one thing wrong fails the check that is about it."""

from pathlib import Path

import pytest
from casty.testing.conformance.transport import (
    Capabilities,
    Check,
    bounds,
    catalog,
    checks,
    clients,
    hostile,
    nodes,
    ordering,
)

from tests.conformance import transport_mutants as mutants
from tests.conformance.mutations import by_name, mutants_in
from tests.conformance.transport_mutants import Mutant

ALL = checks(Capabilities(discards=True))
CHECKS: dict[str, Check] = by_name(ALL)

CAUGHT_BY: dict[type[Mutant], str] = {
    mutants.LosesTheThousandth: "a_hundred_thousand_frames_arrive_in_order",
    mutants.SwapsNeighbours: "a_hundred_thousand_frames_arrive_in_order",
    mutants.CutsLargeFrames: "frames_of_all_sizes_arrive_unchanged",
    mutants.CallsBackAtOnce: "sending_calls_no_receiver_back",
    mutants.AnnouncesNoPeer: "both_ends_are_announced_to_each_other",
    mutants.AnnouncesWithEachFrame: "a_peer_is_announced_once_for_both_lanes",
    mutants.KnowsAddressesOnly: "a_restarted_node_is_another_one",
    mutants.HidesWhatReceiversRaise: "what_a_receiver_raises_costs_one_frame",
    mutants.TakesEmptyFrames: "an_empty_frame_is_a_value_error",
    mutants.RefusesWithoutAWord: "a_frame_of_the_largest_size_passes_and_a_larger_one_is_a_value_error",
    mutants.HasNoBounds: "a_full_queue_refuses_and_all_it_took_arrives",
    mutants.CountsFramesOnly: "a_queue_is_bounded_by_bytes_too",
    mutants.TakesAndDropsWhatIsTooMuch: "a_hundred_thousand_frames_arrive_in_order",
    mutants.RefusesAllOnceOneIsFull: "a_full_queue_leaves_other_peers_open",
    mutants.HasOneLane: "a_control_frame_overtakes_a_flood_of_the_users",
    mutants.HangsUpAtOnce: "disconnecting_sends_what_is_queued_first",
    mutants.TellsOfLossTwice: "disconnecting_tells_both_sides_once",
    mutants.NeverTellsOfLoss: "disconnecting_tells_both_sides_once",
    mutants.DeliversLateFrames: "nothing_older_comes_after_a_new_connection",
    mutants.DropsInSilence: "undeliverable_frames_are_dropped_by_name",
    mutants.DropsWhatItDelivers: "no_frame_is_both_delivered_and_dropped",
    mutants.DiscardsNothing: "what_is_discarded_has_been_dropped_by_name_and_never_arrives",
    mutants.DiscardsInSilence: "what_is_discarded_has_been_dropped_by_name_and_never_arrives",
    mutants.HangsUpToDiscard: "discarding_leaves_a_connection_as_it_is",
    mutants.SpeaksAfterItsEnd: "closing_sends_what_is_queued_tells_the_others_and_is_silent",
    mutants.LeavesATask: "a_closed_endpoint_leaves_no_task",
    mutants.LetsAnyClusterIn: "another_cluster_is_turned_away",
    mutants.LetsAnyCookieIn: "another_cookie_keeps_out",
    mutants.AcceptsOneCookie: "cookies_are_changed_one_node_after_the_other",
    mutants.LetsAnyClientIn: "a_node_that_accepts_no_clients_rejects_them",
    mutants.TakesClientsForNodes: "a_client_exchanges_frames_with_a_node_and_is_no_peer_of_it",
    mutants.CountsNothing: "another_cluster_is_turned_away",
}


@pytest.fixture(autouse=True)
def smaller_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Still more than the queues of these transports hold."""
    monkeypatch.setattr(ordering, "MANY", 20_000)
    monkeypatch.setattr(bounds, "MOST", 50_000)


@pytest.fixture
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything happens within a few turns here, or never."""
    monkeypatch.setattr(nodes, "PATIENCE", 0.5)


@pytest.mark.usefixtures("little_patience")
@pytest.mark.parametrize(("mutant", "caught_by"), CAUGHT_BY.items())
async def test_a_mutant_fails_the_check_that_is_about_it(mutant: type[Mutant], caught_by: str) -> None:
    made = mutant()
    try:
        with pytest.raises(AssertionError, match=r"\w"):
            await CHECKS[caught_by](made)
    finally:
        if isinstance(made, mutants.LeavesATask) and made.left is not None:
            made.left.cancel()


@pytest.mark.parametrize("name", sorted({*CAUGHT_BY.values()}))
async def test_what_is_no_mutant_is_not_caught(name: str) -> None:
    await CHECKS[name](Mutant())


@pytest.mark.usefixtures("little_patience")
@pytest.mark.parametrize("check", [check for check in checks() if check not in checks(Capabilities(patient=False))])
async def test_a_transport_that_does_not_wait_is_not_patient(check: Check) -> None:
    with pytest.raises(AssertionError):
        await check(Mutant())


def test_every_mutant_is_tried() -> None:
    assert mutants_in(Mutant, mutants) == CAUGHT_BY.keys()


def test_names_say_which_check_it_is() -> None:
    assert len(CHECKS) == len(ALL) == 52


def test_what_is_not_promised_is_left_out() -> None:
    least = Capabilities(authenticating=False, patient=False, advertising=False, clients=False, processes=False)
    assert CHECKS.keys() - {check.__name__ for check in checks(least)} == {
        *(check.__name__ for check in clients.check.of(Capabilities())),
        "frames_wait_for_a_peer_that_comes_later",
        "frames_wait_while_a_node_restarts",
        "the_same_cookie_is_accepted",
        "another_cookie_keeps_out",
        "no_cookie_keeps_out",
        "cookies_are_changed_one_node_after_the_other",
        "an_endpoint_is_known_by_the_address_that_it_advertises",
        "an_address_is_free_again_when_its_process_was_killed",
        "what_is_discarded_has_been_dropped_by_name_and_never_arrives",
        "discarding_leaves_a_connection_as_it_is",
    }


def test_the_guide_lists_the_rooms_and_their_checks() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()
    rooms = [room.__name__.rpartition(".")[2] for room in (*catalog.ROOMS, hostile)]
    assert [room for room in rooms if f"`{room}`" not in guide] == []
    least = checks(Capabilities(patient=False, authenticating=False, advertising=False, clients=False, processes=False))
    assert f"That is {len(least)} checks for the simplest transport and {len(ALL)} for one with" in guide
