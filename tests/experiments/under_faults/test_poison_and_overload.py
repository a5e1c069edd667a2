"""Poison records on the engine; a rush against arithmetic, against queueing theory, and against the engine itself."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from recsys_lab.clock import SimulatedClock
from recsys_lab.errors import InvalidEvent
from recsys_lab.experiments.under_faults.overload import WAYS, Traffic, by_second, overload, overloads
from recsys_lab.experiments.under_faults.pipeline import a_log
from recsys_lab.experiments.under_faults.poison import ATTEMPTS, FLAKY, POISON, RECORDS, RESTARTS, poison
from recsys_lab.experiments.under_faults.poison import WAYS as HABITS
from recsys_lab.flink import FlinkStreamProcessor, StreamSource
from recsys_lab.streams import EventStream


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    return poison()


def test_a_job_that_restarts_never_gets_past_the_poison(trials: pd.DataFrame) -> None:
    rows = trials[trials["way"] == HABITS[0]]
    assert rows["record"].max() == POISON
    assert (rows["record"] == POISON).sum() == RESTARTS + 1
    assert not rows["ended"].any()


def test_dropping_loses_what_a_second_attempt_would_have_saved(trials: pd.DataFrame) -> None:
    rows = trials[trials["way"] == HABITS[1]]
    assert list(rows.loc[rows["fate"] == "dropped", "record"]) == [POISON, FLAKY]
    assert rows["results"].iloc[0] == RECORDS - 2


def test_setting_aside_tries_what_may_pass_again_and_keeps_the_rest(trials: pd.DataFrame) -> None:
    rows = trials[trials["way"] == HABITS[2]]
    assert list(rows.loc[rows["fate"] == "set aside", "record"]) == [POISON]
    assert (rows["record"] == POISON).sum() == 2  # one attempt, and set aside
    assert rows.loc[rows["record"] == FLAKY, "attempt"].max() == ATTEMPTS
    assert rows["results"].iloc[0] == RECORDS - 1
    assert rows["restarts"].iloc[0] == 0


EVEN = Traffic(calm=10, rush=40, rush_starts=10, rush_seconds=20, seconds=100, capacity=20, even=True)


def test_an_even_rush_piles_up_and_drains_as_arithmetic_says() -> None:
    table = by_second(overload("unbounded", traffic=EVEN), seconds=100)
    assert table["in_memory"].max() == pytest.approx((40 - 20) * 20, abs=2)
    drained = table.loc[table["in_memory"] > 1, "second"].max()
    assert drained == pytest.approx(10 + 20 + 400 / (20 - 10), abs=1)
    assert table["delay_s"].max() == pytest.approx(400 / 20, abs=0.3)


def test_backpressure_serves_the_same_visits_at_the_same_times_and_holds_no_more_than_the_buffer() -> None:
    free, held = overload("unbounded", seed=3), overload("backpressure", buffer=7, seed=3)
    assert list(free["done"]) == list(held["done"])
    seconds = by_second(held)
    assert seconds["in_memory"].max() == 7
    assert seconds["in_log"].max() == by_second(free)["in_memory"].max() - 7


def test_every_visit_is_somewhere() -> None:
    for way in WAYS:
        visits = overload(way, seed=5)
        table = by_second(visits)
        there = table[["in_log", "in_memory", "dropped", "done"]].sum(axis="columns")
        came = [(visits["came"] <= second).sum() for second in table["second"]]
        at_work = pd.Series(came) - there
        assert set(at_work) <= {0, 1}, way
    dropped = overload("drop", buffer=5, seed=5)
    assert 0 < dropped["done"].isna().sum() < len(dropped)


def test_the_wait_is_that_of_queueing_theory() -> None:
    """M/M/1: a visit spends 1 / (capacity − rate) on average."""
    steady = Traffic(calm=12, rush=12, seconds=20_000, capacity=20)
    visits = overload("unbounded", traffic=steady, seed=1)
    assert (visits["done"] - visits["came"]).mean() == pytest.approx(1 / (20 - 12), rel=0.05)


def test_the_loss_of_a_full_buffer_is_that_of_queueing_theory() -> None:
    """M/M/1/K: a share (1 − r) rᴷ / (1 − rᴷ⁺¹) is dropped; K counts the one at work."""
    steady = Traffic(calm=18, rush=18, seconds=20_000, capacity=20)
    visits = overload("drop", buffer=4, traffic=steady, seed=2)
    r, k = 18 / 20, 4 + 1
    assert visits["done"].isna().mean() == pytest.approx((1 - r) * r**k / (1 - r ** (k + 1)), rel=0.05)


def test_the_engine_itself_holds_back_its_source() -> None:
    """A log that grows faster than the job works: what waits, waits in the log, and the engine holds a batch."""
    clock, log, visits = SimulatedClock(), EventStream("visits", max_size=1_000), a_log(200).get_recent_events(200)
    start, lag = clock.now(), list[int]()

    def arrive() -> None:
        due = int(4 * (clock.now() - start).total_seconds())  # four a second
        for visit in visits[log.next_offset : due]:
            log.publish(visit)

    def work(event: object) -> object:
        clock.advance(timedelta(seconds=0.5))  # two a second
        arrive()
        done.append(event)
        lag.append(log.next_offset - len(done))
        return event

    done: list[object] = []
    log.publish(visits[0])
    source = StreamSource(log, bounded=False)
    job = FlinkStreamProcessor(1, checkpoint_interval=None, batch_size=8, clock=clock)
    job.add_source(source).map(work).sink(lambda event: job.stop() if len(done) == 200 else None)
    job.execute("visits")
    assert done == visits
    assert max(lag) == pytest.approx(100, abs=2)  # (4 − 2) a second for 50 s
    assert not any(log.subscriptions)


def test_unknown_ways_and_sizes_are_refused() -> None:
    with pytest.raises(InvalidEvent, match="way is 'pray'"):
        overload("pray")
    with pytest.raises(InvalidEvent, match="buffer is 0"):
        overload("drop", buffer=0)


def test_all_three_ways_stand_the_same_rush() -> None:
    table = overloads(buffer=20, rush=30)
    worst = table.groupby("way")[["in_memory", "in_log", "dropped"]].max()
    assert worst.loc["drop", "in_memory"] == worst.loc["backpressure", "in_memory"] == 20
    assert worst.loc["unbounded", "in_memory"] == 20 + worst.loc["backpressure", "in_log"]
    assert worst.loc["drop", "dropped"] > 0
    assert worst.loc[["unbounded", "backpressure"], "dropped"].eq(0).all()
