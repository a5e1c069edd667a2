"""Pictures of notebook 05: the title follows the table, and nothing in it is taken for granted."""

from __future__ import annotations

import pandas as pd
import pytest

from recsys_lab import plots
from recsys_lab.experiments.on_flink.two_readers import MOMENTS, readers_at
from tests.experiments.on_flink.runs import a_killed_run


@pytest.mark.parametrize(
    ("doubled", "told"),
    [
        (True, "read_committed has all once, read_uncommitted has some twice"),
        (False, "read_committed has all once, read_uncommitted has all once"),
    ],
)
def test_the_readers_title_counts_what_each_has_twice(doubled: bool, told: str) -> None:
    picture = plots.two_readers(readers_at(a_killed_run(doubled=doubled)))

    assert picture.finding == f"A TaskManager is killed: {told}"


def test_a_committed_reader_that_has_something_twice_is_told() -> None:
    run = a_killed_run()
    run.seen.loc[len(run.seen)] = ("committed", 10.0, "result 0")

    assert "read_committed has some twice" in plots.two_readers_finding(readers_at(run))


def test_every_moment_has_a_title_and_a_reason_of_its_own() -> None:
    tables = [readers_at(a_killed_run(), moment) for moment in MOMENTS]

    assert len({plots.two_readers(table).finding for table in tables}) == len(MOMENTS)
    assert len({plots.two_readers_sentence(table).partition(". ")[2] for table in tables}) == len(MOMENTS)


def results(here: list[str], there: list[str], *, late: tuple[int, int] = (0, 0), every: bool = True) -> pd.DataFrame:
    rows = [
        (name, result, own.count(result), other.count(result), order, late[which], 0.1 + 5 * which)
        for which, (name, own, other) in enumerate((("local", here, there), ("Apache Flink", there, here)))
        for order, result in enumerate(dict.fromkeys(own), start=1)
    ]
    columns = ["runtime", "result", "copies", "other", "order", "late", "seconds"]
    return pd.DataFrame(rows, columns=columns).assign(every_record=every)


def test_results_are_the_same_in_any_order_but_not_in_another_number() -> None:
    same = plots.both_runtimes(results(["a", "b", "b"], ["b", "a", "b"]))
    fewer = plots.both_runtimes(results(["a", "b", "b"], ["b", "a"]))
    more = plots.both_runtimes(results(["a"], ["a", "c"]))

    assert same.finding == "3 results on both runtimes: the same, each as often"
    assert fewer.finding == "2 of 3 local results are not those of Apache Flink"
    assert more.finding == "Apache Flink has 1 result that the local runtime has not"


def test_a_watermark_that_moves_seldom_is_named_as_the_reason_for_other_late_records() -> None:
    differ = results(["a 2"], ["a 3"], late=(1, 0), every=False)
    agree = results(["a 2"], ["a 2"], late=(1, 1), every=False)

    assert "depends on the pace of the machine" in plots.both_runtimes_sentence(differ)
    assert "here it made no difference" in plots.both_runtimes_sentence(agree)
    assert plots.both_runtimes_sentence(results(["a"], ["a"])).endswith("Late: 0 locally, 0 on Apache Flink.")


def costs(first: float, p50: float) -> pd.DataFrame:
    rows = [("local", 2.0, 2.5, 5_000, 0.5, 1.0), ("Apache Flink", first, first + 1, 5_000, p50, 1.2 * p50)]
    return pd.DataFrame(rows, columns=["runtime", "first_s", "all_s", "waiting", "p50_s", "p95_s"])


@pytest.mark.parametrize(
    ("first", "p50", "told"),
    [
        (8.0, 0.8, "takes longer to start; on both a result waits for its checkpoint"),
        (2.1, 0.8, "starts about as fast; on both"),
        (8.0, 4.0, "takes longer to start; a result takes much longer to come"),
    ],
)
def test_the_costs_title_says_what_was_measured(first: float, p50: float, told: str) -> None:
    assert told in plots.runtime_costs(costs(first, p50)).finding


def test_the_page_counts_operators_tasks_and_slots() -> None:
    task = {"parallelism": 1, "shipped": "", "records_in": 5, "records_out": 5, "state": "FINISHED"}
    job = {"job": "shop", "job_state": "RUNNING", "checkpoints": 1, "restarts": 0, "slots": 1}
    one = pd.DataFrame([{"number": 0, "operators": ["numbers", "map-1"], "upstream": [], **task, **job}])
    wide = {**task, "parallelism": 4, "shipped": "HASH", "state": "FAILED"}
    second = pd.DataFrame([{"number": 1, "operators": ["sums"], "upstream": [0], **wide, **job}])
    both = pd.concat([one, second], ignore_index=True).assign(slots=4)

    assert plots.web_page(one).finding == "2 operators, 1 task of 1 subtask each: the job takes 1 slot"
    assert plots.web_page(both).finding == "3 operators, 2 tasks of 1 to 4 subtasks each: the job takes 4 slots"
