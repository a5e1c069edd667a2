"""The simulated network keeps to its faults, and the measures of a lost region to what can be counted by hand."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lab.experiments.replicas import (
    BACK_S,
    DETECT_S,
    REGIONS,
    SECONDS,
    SLOW_S,
    Act,
    Schedule,
    World,
    Write,
    copied,
    next_region,
    random_schedule,
    regions,
)

SEEDS = st.integers(0, 10**6)
CALM = Schedule(1, None, None)


def a_write(at_s: float, region: str = "eu") -> Write:
    return Write(at_s, region, Act("ann", "view", "lamp", round(1000 * at_s)))


class Heard:
    """A replica that holds the numbers of acts: a grow-only set, which the writes' own bookkeeping is held against."""

    def __init__(self, name: str) -> None:
        self.acts: set[int] = set()

    def apply(self, act: Act) -> None:
        self.acts.add(act.at_ms)

    def state(self) -> set[int]:
        return self.acts

    def merge(self, state: set[int]) -> None:
        self.acts |= state


def run(seed: int, every_s: float = 2.0, copies: int = 2, **options: Any) -> World:
    return World(random_schedule(seed), every_s=every_s, copies=copies, **options).run()


@given(SEEDS, st.sampled_from([1.0, 2.0, 5.0]))
@settings(max_examples=100, deadline=None)
def test_no_message_passes_to_or_from_a_region_that_is_cut_off_or_lost(seed: int, every_s: float) -> None:
    world = run(seed, every_s)
    for message in world.network.log:
        if message.arrived_s is None or message.arrived_s >= SECONDS:
            continue
        for region, start, end in _away(world.schedule):
            if region in (message.sender, message.to):
                assert not start <= message.sent_s < end
                assert not start <= message.arrived_s < end


def _away(schedule: Schedule) -> list[tuple[str, float, float]]:
    lost = [] if schedule.lost is None else [(schedule.lost[0], schedule.lost[1], schedule.lost[1] + BACK_S - 0.001)]
    return lost if schedule.cut is None else [*lost, schedule.cut]


@given(SEEDS)
@settings(max_examples=50, deadline=None)
def test_a_message_arrives_never_once_or_twice_and_within_the_longest_delay(seed: int) -> None:
    world = run(seed)
    times = Counter(message.number for message in world.network.log)
    assert set(times.values()) <= {1, 2}
    for message in world.network.log:
        assert message.arrived_s is None or 0 < message.arrived_s - message.sent_s <= SLOW_S[1]


def test_messages_are_dropped_doubled_and_overtaken() -> None:
    log = run(3).network.log
    arrived = [message for message in log if message.arrived_s is not None]
    pairs = [(message.sender, message.to) for message in arrived]
    orders = [[message.number for message in arrived if (message.sender, message.to) == pair] for pair in set(pairs)]

    assert any(message.arrived_s is None for message in log)
    assert any(count == 2 for count in Counter(message.number for message in arrived).values())
    assert any(order != sorted(order) for order in orders)


def test_the_same_seed_gives_the_same_messages_and_another_one_others() -> None:
    assert run(5).network.log == run(5).network.log
    assert run(5).network.log != run(6).network.log


@given(SEEDS, st.sampled_from([1.0, 2.0, 7.0]), st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_whatever_the_schedule_all_regions_know_the_same_in_the_end(seed: int, every_s: float, copies: int) -> None:
    world = run(seed, every_s, copies, make=Heard)

    known = [node.known for node in world.nodes.values()]
    assert known[0] == known[1] == known[2]
    for node in world.nodes.values():  # what is noted of a region is what its replica was told
        assert isinstance(node.replica, Heard)
        assert node.replica.acts == {world.written[number].act.at_ms for number in node.known}


@given(SEEDS, st.sampled_from([1.0, 2.0, 5.0]), st.integers(2, 3))
@settings(max_examples=150, deadline=None)
def test_what_two_regions_have_outlives_the_loss_of_one(seed: int, every_s: float, copies: int) -> None:
    world = run(seed, every_s, copies)

    assert world.acknowledged.keys() <= world.nodes["eu"].known
    assert not world.rpo_s


def test_a_write_that_was_acknowledged_at_home_alone_is_lost_with_its_region() -> None:
    schedule = Schedule(1, ("eu", 5.0, 14.0), ("eu", 10.0))
    writes = [a_write(3), a_write(7), a_write(9)]

    at_home = World(schedule, every_s=1, copies=1, writes=writes).run()
    with_another = World(schedule, every_s=1, copies=2, writes=writes).run()

    assert at_home.acknowledged == {0: 3, 1: 7, 2: 9}
    assert at_home.rpo_s == pytest.approx(3)  # the oldest that nobody else had is of second 7, the loss of second 10
    assert with_another.acknowledged.keys() == {0}
    assert with_another.rpo_s == 0


def test_the_next_region_answers_for_the_lost_one_when_the_loss_is_noticed_and_all_has_come() -> None:
    schedule = Schedule(1, None, ("eu", 12.0))

    heard = World(schedule, every_s=1, copies=2, writes=[a_write(2)]).run()
    nothing_acknowledged = World(schedule, every_s=1, copies=2, writes=[]).run()

    assert heard.rto_s == pytest.approx(DETECT_S)
    assert nothing_acknowledged.rto_s == pytest.approx(DETECT_S)


def test_the_rto_is_never_shorter_than_the_time_until_the_loss_is_noticed() -> None:
    table = regions(every_s=8, copies=2, schedules=60)
    measured = table["rto_s"].dropna()

    assert (measured >= DETECT_S - 1e-9).all()
    assert measured.max() > DETECT_S
    assert len(measured) == table["rpo_s"].notna().sum()


def test_users_of_a_lost_region_write_in_the_next_one_once_the_loss_is_noticed() -> None:
    world = World(Schedule(1, None, ("eu", 5.0)), every_s=1, copies=2, writes=[a_write(6), a_write(9)]).run()

    assert [(write.at_s, write.region) for write in world.written] == [(9, next_region("eu"))]


def test_a_region_that_comes_back_is_empty_and_has_a_new_name() -> None:
    world = World(Schedule(1, None, ("eu", 5.0)), every_s=1, copies=1, writes=[a_write(20)]).run()

    assert world.nodes["eu"].name == "eu 2"
    assert world.written[0].region == "eu 2"


def test_waiting_for_all_regions_means_waiting_for_the_one_that_is_cut_off() -> None:
    schedule = Schedule(1, ("us", 4.0, 14.0), None)
    writes = [a_write(5, "eu"), a_write(6, "asia")]

    two = World(schedule, every_s=1, copies=2, writes=writes).run()
    three = World(schedule, every_s=1, copies=3, writes=writes).run()

    assert all(wait < 8 for _, _, wait in two.waits())
    assert all(wait > 8 for _, _, wait in three.waits())


@given(SEEDS)
def test_no_region_is_cut_off_while_another_one_is_lost(seed: int) -> None:
    schedule = random_schedule(seed)
    if schedule.cut is not None and schedule.lost is not None and schedule.cut[0] != schedule.lost[0]:
        assert schedule.cut[2] < schedule.lost[1] or schedule.lost[1] + BACK_S < schedule.cut[1]
    for region, start, end in _away(schedule):
        assert region in REGIONS
        assert 0 < start < end <= SECONDS


def test_a_message_shares_nothing_with_what_it_was_made_of() -> None:
    state = {
        "views": {("ann", "lamp"): {"eu": 1}},
        "tags": {("ann", "mug"): {("eu", 3)}},
        "list": [[1]],
        "pair": ([2],),
    }

    copy = copied(state)
    copy["views"]["ann", "lamp"]["eu"] = 7
    copy["tags"]["ann", "mug"].clear()
    copy["list"][0].append(2)
    copy["pair"][0].append(3)

    assert state["views"] == {("ann", "lamp"): {"eu": 1}}
    assert state["tags"] == {("ann", "mug"): {("eu", 3)}}
    assert state["list"] == [[1]]
    assert state["pair"] == ([2],)
