"""Pictures of dataflows: the title follows the table, and nothing in it is taken for granted."""

from __future__ import annotations

import pandas as pd
import pytest

from recsys_lab import experiments, plots
from recsys_lab.flink import FlinkStreamProcessor, ListSink
from recsys_lab.plots.job_graph import _places


def at_step(table: pd.DataFrame, step: int) -> pd.DataFrame:
    return table.assign(now=table["step"] == step)


@pytest.mark.parametrize(
    ("job", "step", "told"),
    [
        ("windows", 5, "so the watermark moves to 10:05:30; ann's window 10:00–10:05 fires: 2; bob's"),
        ("windows", 6, "the record belongs to is closed: it is dropped, and counted"),
        ("kept", 6, "ann's window 10:00–10:05 fires again, corrected: 3"),
        ("sessions", 8, "bob's session is now 10:05:50–10:09:30 with 2 records"),
        ("sessions", 7, "bob's session 10:02:30–10:06:20 fires: 2"),
        ("nudges", 5, "the record is remembered, and a timer waits for 10:11:30"),
        ("nudges", 7, "this timer finds a later record and nudges nobody: ann's of 10:06"),
        ("nudges", 9, "these timers find a later record: bob's of 10:07:30, bob's of 10:08:20, ann's of 10:09"),
        ("nudges", 11, "bob did nothing within 5 minutes of 10:08: nudged"),
        ("nudges", 13, "The watermark jumps to the end of time"),
    ],
)
def test_the_sentence_says_what_a_step_did_and_why(job: str, step: int, told: str) -> None:
    assert told in plots.steps_sentence(at_step(experiments.steps(job), step))


@pytest.mark.parametrize("job", ["windows", "kept", "sessions", "nudges"])
@pytest.mark.parametrize("bound", [0, 60, 300])
def test_every_step_can_be_drawn(job: str, bound: int) -> None:
    table = experiments.steps(job, bound)
    titles = [plots.steps(at_step(table, step)).finding for step in (1, 6, 9, 13)]
    assert len(set(titles)) == 4
    assert titles[0] == "Record 1 of 12: ann's view of 10:01"


def test_a_late_record_is_called_late_in_the_title() -> None:
    table = experiments.steps("windows", 60)
    assert plots.steps(at_step(table, 6)).finding.endswith("too late")
    assert not plots.steps(at_step(experiments.steps("windows", 300), 6)).finding.endswith("too late")


def test_the_windows_title_counts_how_often_and_how_many() -> None:
    finding = "Tumbling windows count each event once, sliding ones {}; silence makes {}"
    assert plots.window_kinds(experiments.window_kinds()).finding == finding.format("2 times", "4 sessions")
    uneven = plots.window_kinds(experiments.window_kinds(slide=3, gap=10)).finding
    assert uneven == finding.format("3.4 times", "1 session")
    assert "sliding ones once" in plots.window_kinds(experiments.window_kinds(slide=10)).finding


def a_measure(**changed: float) -> pd.DataFrame:
    row = {"bound": 60, "lateness": 0, "purchases": 200, "first": 190, "updated": 6, "late": 4, "updates": 3}
    return pd.DataFrame([{**row, "delay_s": 90.0, **changed}])


def test_the_lateness_title_tells_share_and_delay_of_the_bound_in_focus() -> None:
    table = pd.concat([a_measure(), a_measure(bound=300, first=198, updated=2, late=0, delay_s=360.0)])
    table = table.assign(now=[True, False])
    assert plots.lateness(table).finding == (
        "A bound of 1 min: 95.0 % are in the first result, which comes 1.5 min after its window"
    )
    assert "so 4 of 200 purchases come too late and none is silently gone" in plots.lateness_sentence(table)
    other = table.assign(now=[False, True])
    assert plots.lateness(other).finding.startswith("A bound of 5 min: 99.0 %")
    assert "so no purchase comes too late" in plots.lateness_sentence(other)
    assert "so 1 of 200 purchases comes too late" in plots.lateness_sentence(a_measure(updated=9, late=1))


def test_nearly_all_is_not_called_all() -> None:
    nearly = a_measure(purchases=10_000, first=9_999, updated=1, late=0)
    assert "99.9 % are in the first result" in plots.lateness(nearly).finding
    assert "100.0 %" in plots.lateness(a_measure(first=200, updated=0, late=0)).finding


def test_a_purchase_that_is_nowhere_is_told() -> None:
    lost = plots.lateness_sentence(a_measure(late=3).assign(now=True))
    assert "together 199" in lost
    assert "1 IS GONE" in lost


def test_the_state_title_compares_both_ways() -> None:
    times = pd.to_datetime(["2026-01-01 09:00", "2026-01-01 10:00"])
    rows = [("none", [1, 5]), ("12 hours", [1, 2])]
    table = pd.concat(
        [pd.DataFrame({"time": times, "baskets": [1, 2], "time_to_live": name, "held": held}) for name, held in rows]
    )
    assert plots.remembered(table).finding == (
        "Without a time to live the state grows to 5 customers; with 12 hours it holds 2 at most"
    )


def test_the_join_counts_pairs_and_purchases_without_one() -> None:
    assert plots.joined(experiments.joined(minutes=10)).finding == (
        "Within 10 minutes of a view: 4 pairs; 2 of 6 purchases have no view"
    )
    assert plots.joined(experiments.joined(minutes=30)).finding.endswith("6 pairs; 1 of 6 purchases has no view")


def a_crash(plain: int, transactional: int, *, state: int = 10) -> pd.DataFrame:
    rows = [("record", 1, 1, 1, 1), ("record", 2, 1, 1, 1), ("record", 2, 2, 1, 1), ("record", 3, 2, 1, 1)]
    rows += [("checkpoint", 1, 1, 1, 1), ("plain", 2, 0, plain, 1), ("transactional", 2, 0, transactional, 1)]
    rows += [("state", 1, 0, state, 10)]
    table = pd.DataFrame(rows, columns=["what", "number", "life", "copies", "right"])
    return table.assign(at=3, every=1, parallelism=4)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (a_crash(2, 1), "the plain sink doubles 1 result, the transactional one none"),
        (a_crash(2, 2), "the plain sink doubles 1 result, the transactional one 1"),
        (a_crash(1, 1), "so nothing is doubled"),
    ],
)
def test_the_crash_title_counts_what_each_sink_doubled(table: pd.DataFrame, told: str) -> None:
    assert told in plots.crash(table).finding


def test_the_crash_sentence_says_when_state_is_wrong_or_a_result_is_lost() -> None:
    assert "is the same as a run without a crash; no result is lost" in plots.crash_sentence(a_crash(2, 1))
    assert "is NOT that of a run without a crash" in plots.crash_sentence(a_crash(2, 1, state=11))
    assert "1 result is lost" in plots.crash_sentence(a_crash(2, 0))


def test_the_graph_says_what_went_through_once_the_job_has_run() -> None:
    job = FlinkStreamProcessor(2, checkpoint_interval=None)
    job.add_source([1, 2, 3]).key_by(lambda n: n % 2).reduce(max).sink_to(ListSink())
    before = plots.job_graph(experiments.job_graph(job)).finding
    job.execute("graph")
    assert before == "4 operators, not yet run: 1 deals records out by key, 1 remembers something"
    after = plots.job_graph(experiments.job_graph(job)).finding
    assert after == "3 records in, 3 results out; 1 of 4 operators remembers something"


def test_no_two_operators_stand_in_one_place() -> None:
    job = FlinkStreamProcessor(1, checkpoint_interval=None)
    source = job.add_source([1, 2, 3])
    parts = [source.map(abs), source.map(abs), source.map(abs).map(abs)]
    parts[0].union(*parts[1:]).sink_to(ListSink())
    rows = list(experiments.job_graph(job).itertuples())
    places = _places(rows)
    assert len(set(places.values())) == len(rows)
    assert all(places[before][0] < places[row.number][0] for row in rows for before in row.upstream)
