"""Crashes at every record, the job graph, the recommender on purchases, and imports that wait until they are needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from recsys_lab import experiments
from recsys_lab.experiments.on_flink.crash import RECORDS, crash
from recsys_lab.experiments.on_flink.graph import job_graph
from recsys_lab.experiments.on_flink.shop_job import answer, shop_job
from recsys_lab.flink import FlinkStreamProcessor, ListSink
from tests.shops import small_shop

CHECKOUT = Path(__file__).resolve().parents[3]


def copies(table: pd.DataFrame, what: str) -> pd.Series:
    rows = table[table["what"] == what].set_index("number")
    return rows["copies"] - rows["right"]


@pytest.mark.parametrize("every", [1, 7, 30])
def test_a_crash_at_any_record_doubles_only_what_the_plain_sink_got_since_the_checkpoint(every: int) -> None:
    for at in (1, 2, 7, 8, 9, 15, 29, RECORDS):
        table = crash(at=at, every=every, parallelism=1 + at % 8)
        restored = (at - 1) // every * every
        assert (copies(table, "transactional") == 0).all(), at
        assert (copies(table, "state") == 0).all(), at
        plain = copies(table, "plain")
        assert list(plain.index[plain > 0]) == list(range(restored + 1, at)), at
        assert (plain >= 0).all(), at


def test_both_lives_and_their_checkpoints_are_told() -> None:
    table = crash(at=18, every=7)
    records, checkpoints = table[table["what"] == "record"], table[table["what"] == "checkpoint"]
    assert list(records.loc[records["life"] == 1, "number"]) == list(range(1, 18))
    assert list(records.loc[records["life"] == 2, "number"]) == list(range(15, 31))
    assert list(zip(checkpoints["life"], checkpoints["number"], strict=True)) == [(1, 7), (1, 14), (2, 21), (2, 28)]


def test_a_crash_before_the_first_checkpoint_begins_anew() -> None:
    table = crash(at=3, every=7)
    second = table[(table["what"] == "record") & (table["life"] == 2)]
    assert list(second["number"]) == list(range(1, 31))


def test_the_graph_is_that_of_the_program_and_counts_what_went_through() -> None:
    job = FlinkStreamProcessor(2, checkpoint_interval=None)
    numbers = job.add_source([1, 2, 3, 4], name="numbers")
    even = numbers.filter(lambda n: n % 2 == 0)
    even.union(numbers.map(lambda n: 10 * n)).key_by(lambda n: n).reduce(max).sink_to(ListSink())
    before = job_graph(job)
    assert list(before["kind"]) == ["source", "filter", "map", "union", "key_by", "rolling", "sink"]
    assert before["upstream"].iloc[3] == [1, 2]
    assert list(before["group"].iloc[[0, 1, 4, 5]]) == ["source or sink", "record by record", "by key", "remembers"]
    assert before["records_out"].sum() == 0
    job.execute("graph")
    assert list(job_graph(job)["records_out"].iloc[:4]) == [4, 2, 4, 6]


def test_the_recommender_gives_the_same_answers_on_any_number_of_subtasks() -> None:
    purchases = small_shop().head(400)
    results = []
    for parallelism in (1, 4):
        job = shop_job(purchases, parallelism=parallelism)
        counted = job.execute("recommendations")
        assert counted.records_in == 400
        results.append(list(job.recommendation_sink))
    assert results[0] == results[1] != []


def test_an_answer_is_the_latest_of_a_user_with_names() -> None:
    results = [
        {"user_id": user, "recommendations": [{"item_id": item, "score": 0.51239}]}
        for user, item in (("ann", "i1"), ("bob", "i2"), ("ann", "i3"))
    ]
    shown = answer(results, "ann", {"i3": "Lamp"})
    assert shown.to_dict("records") == [{"item": "i3", "name": "Lamp", "score": 0.512}]


def test_dataflows_are_imported_when_they_are_asked_for() -> None:
    code = (
        "import sys; from recsys_lab import experiments; print('recsys_lab.flink' in sys.modules); "
        "experiments.a_morning; print('recsys_lab.flink' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
    assert "window_kinds" in dir(experiments)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = experiments.nonsense
