"""The pipeline through crashes: what each guarantee promises, for every schedule, and as real Kafka does it."""

from __future__ import annotations

import random

import pytest

from recsys_lab.errors import InvalidEvent
from recsys_lab.experiments.under_faults.crash_runs import bad_moments, counted, crash_run, crash_runs, schedule
from recsys_lab.experiments.under_faults.pipeline import (
    GUARANTEES,
    POINTS,
    Crash,
    Result,
    a_log,
    run_pipeline,
    true_results,
)


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_without_a_crash_every_guarantee_shows_the_truth(guarantee: str) -> None:
    log = a_log(43)
    ran = run_pipeline(log, guarantee, batch=5, every=10, record_seconds=2.0)
    assert sorted(ran.results) == true_results(log)
    assert set(ran.worked.values()) == {1}
    assert ran.seconds == 2.0 * 43


def test_the_truth_counts_each_users_visits() -> None:
    truth = true_results(a_log(20))
    for result in truth:
        assert result.visits == sum(r.user == result.user for r in truth if r.number <= result.number)
    assert len({result.user for result in truth}) > 2


def test_exactly_once_and_keyed_writes_show_the_truth_after_every_schedule() -> None:
    chance = random.Random(6)
    log = a_log(60)
    for seed in range(150):
        crashes = schedule(seed, records=60, most=8)
        batch, every = chance.choice([1, 3, 5, 20]), chance.choice([1, 5, 20, 100])
        for guarantee in ("exactly-once", "keyed-writes"):
            ran = run_pipeline(log, guarantee, crashes, batch=batch, every=every)
            assert sorted(ran.results) == true_results(log), (seed, guarantee, batch, every)


def test_at_least_once_loses_nothing_and_at_most_once_doubles_nothing_after_any_schedule() -> None:
    table = crash_runs(range(100), guarantees=["at-least-once", "at-most-once"], records=60)
    least, most = (table[table["guarantee"] == name] for name in ("at-least-once", "at-most-once"))
    assert (least["lost"] == 0).all()
    assert (least["wrong"] == 0).all()
    assert least["doubled"].sum() > 0
    assert (most["doubled"] == 0).all()
    assert (most["again"] == 0).all()
    assert most["lost"].sum() > 0
    assert most["wrong"].sum() > 0


@pytest.mark.parametrize("every", [5, 10, 40])
@pytest.mark.parametrize("record", [0, 4, 13, 22, 39])
def test_a_crash_after_sending_doubles_what_was_sent_since_the_checkpoint(every: int, record: int) -> None:
    log = a_log(40)
    ran = run_pipeline(log, "at-least-once", [Crash("sent", record)], batch=5, every=every)
    sent = record // 5 * 5 + 5  # the whole batch
    assert counted(ran.results, true_results(log)) == (0, sent - (sent - 1) // every * every, 0)


def test_at_most_once_loses_the_batch_and_forgets_all_counts() -> None:
    log = a_log(40)
    ran = run_pipeline(log, "at-most-once", [Crash("record", 21)], batch=5)
    assert counted(ran.results, true_results(log))[:2] == (5, 0)
    later = [result for result in ran.results if result.number >= 25]
    first_of = {result.user: result.visits for result in reversed(later)}
    assert set(first_of.values()) == {1}


def test_each_point_of_a_crash_can_be_reached_and_comes_once() -> None:
    log = a_log(40)
    for point in POINTS:
        ran = run_pipeline(log, "exactly-once", [Crash(point, 12)], batch=5, every=10)
        assert ran.crashes == 1, point
        assert [moment.what for moment in ran.moments if moment.what in POINTS] == [point]


def test_a_crash_costs_the_restart_and_the_work_since_the_checkpoint() -> None:
    log = a_log(40)
    ran = run_pipeline(log, "exactly-once", [Crash("processed", 17)], batch=5, every=10, restart_seconds=7)
    assert ran.seconds == 40 + 7 + 10  # records 10 to 19 again
    assert sorted(number for number, times in ran.worked.items() if times == 2) == list(range(10, 20))


def test_counting_knows_lost_doubled_and_wrong() -> None:
    truth = [Result(0, "ann", 1), Result(1, "bob", 1), Result(2, "ann", 2)]
    assert counted(truth, truth) == (0, 0, 0)
    assert counted([truth[0], truth[0], truth[0], Result(2, "ann", 1)], truth) == (1, 2, 1)


def test_a_run_tells_its_crashes_and_what_the_sink_shows() -> None:
    table = crash_run("at-least-once", seed=7, every=20)
    shown = table[table["what"] == "shown"]
    assert list(shown["record"]) == list(range(120))
    assert (shown["copies"] >= 1).all()
    again = table[table["what"] == "worked"]["record"].value_counts()
    assert set(shown.loc[shown["copies"] > 1, "record"]) <= set(again.index[again > 1])
    assert (table["what"] == "crash").sum() == len(schedule(7))


def test_unknown_names_are_refused() -> None:
    log = a_log(5)
    with pytest.raises(InvalidEvent, match="guarantee is 'twice'"):
        run_pipeline(log, "twice")
    with pytest.raises(InvalidEvent, match="crash is 'lunch'"):
        run_pipeline(log, "exactly-once", [Crash("lunch", 1)])


@pytest.mark.integration
def test_the_engine_loses_and_doubles_what_real_consumers_do_under_kill_9(servers: str) -> None:
    from recsys_lab.experiments.on_kafka.guarantees import crashes

    ours = bad_moments().set_index(["guarantee", "crash"])
    real = crashes(servers, ours.index)
    for case, rows in real.groupby(["delivery", "crash"]):
        lost, doubled, again = (rows["copies"] == 0).sum(), (rows["copies"] > 1).sum(), (rows["worked"] > 1).sum()
        assert tuple(ours.loc[case]) == (lost, doubled, again), case
