"""The test-then-learn protocol, rule by rule, with recommenders that answer from a script."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from recsys_lab.errors import InvalidEvent
from recsys_lab.experiments import simulate
from recsys_lab.recommend.evaluate import Figures, prequential
from recsys_lab.recommend.popularity import Popularity
from tests.builders import clock_time


class Scripted:
    """Answers always the same; remembers, in order, what it was asked and what it was taught."""

    def __init__(self, *answer: str) -> None:
        self.answer, self.story = answer, list[tuple[Any, ...]]()

    def observe(self, user_id: str, item_id: str, weight: float, at: datetime) -> None:
        self.story.append(("taught", user_id, item_id, weight))

    def recommend(
        self, user_id: str, n: int, *, at: datetime, exclude: Collection[str] = ()
    ) -> list[tuple[str, float]]:
        self.story.append(("asked", user_id, n, sorted(exclude)))
        return [(item_id, 1.0) for item_id in self.answer if item_id not in exclude][:n]

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        pass


def a_log(*rows: str) -> pd.DataFrame:
    """Rows as "user item time session", the session `-` for none; all purchases."""
    cells = [row.split() for row in rows]
    return pd.DataFrame(
        {
            "user_id": [user for user, _, _, _ in cells],
            "item_id": [item for _, item, _, _ in cells],
            "interaction_type": "purchase",
            "timestamp": pd.to_datetime([clock_time(time) for _, _, time, _ in cells], utc=True),
            "session_id": [None if session == "-" else session for _, _, _, session in cells],
        }
    )


def test_each_event_is_a_question_before_it_is_a_lesson() -> None:
    model = Scripted()
    prequential(model, a_log("ann lamp 10:00 s1", "ann mug 10:01 s1"), k=3)
    assert model.story == [
        ("asked", "ann", 3, []),
        ("taught", "ann", "lamp", 1.0),
        ("asked", "ann", 3, ["lamp"]),
        ("taught", "ann", "mug", 1.0),
    ]


def test_an_item_that_the_user_has_is_a_lesson_but_no_question() -> None:
    model = Scripted("lamp")
    found = prequential(model, a_log("ann lamp 10:00 s1", "ann lamp 10:01 s1", "bob lamp 10:02 s2"))
    assert (found.questions, found.hit_rate) == (2, 1.0)
    assert [what for what, *_ in model.story].count("taught") == 3


def test_every_nth_row_is_asked_repeats_counting_as_rows() -> None:
    model = Scripted()
    prequential(model, a_log(*(f"u{number} lamp 10:00 s{number}" for number in range(7))), every=3)
    assert [user for what, user, *_ in model.story if what == "asked"] == ["u0", "u3", "u6"]


def test_a_hit_counts_by_its_rank_in_ndcg() -> None:
    log = a_log("ann lamp 10:00 s", "bob mug 10:00 t", "cat vase 10:00 u", "dan sofa 10:00 v")
    found = prequential(Scripted("lamp", "mug", "vase"), log, k=3)
    assert found.hit_rate == 3 / 4
    assert found.ndcg == pytest.approx((1 + 1 / math.log2(3) + 1 / math.log2(4) + 0) / 4)


def test_the_first_row_of_a_new_session_of_the_user_is_judged_apart() -> None:
    log = a_log("ann lamp 10:00 s1", "bob mug 10:00 t1", "ann vase 10:01 s1", "ann sofa 10:02 s2", "bob cup 10:03 t1")
    found = prequential(Scripted("vase", "sofa"), log)
    assert found.questions == 5
    assert found.first == Figures(3, 1 / 3, 1.0 / 3)  # lamp, mug, sofa: by then the vase is excluded


def test_without_sessions_a_pause_of_more_than_30_minutes_begins_a_basket() -> None:
    log = a_log("ann lamp 10:00 -", "ann mug 10:30 -", "ann vase 11:00:01 -")
    assert prequential(Scripted(), log).first.questions == 2
    assert prequential(Scripted(), log.drop(columns="session_id")).first.questions == 2


def test_coverage_is_the_share_of_the_items_in_the_log_that_were_shown() -> None:
    log = a_log("ann lamp 10:00 s", "ann mug 10:00 s", "bob vase 10:00 t", "bob sofa 10:01 t")
    assert prequential(Scripted("lamp", "ghost"), log).coverage == 1 / 4


def test_novelty_is_the_mean_surprise_of_what_was_shown_in_bits() -> None:
    log = a_log(*["ann lamp 10:00 s"] * 3, "ann mug 10:00 s", "bob vase 10:01 t")
    found = prequential(Scripted("mug", "lamp"), log, every=4)  # bob sees both: 1 and 3 of 4 events
    assert found.questions == 2
    assert found.novelty == pytest.approx((0 + 0 + math.log2(4 / 1) + math.log2(4 / 3)) / 4)


def test_the_curve_ends_in_the_final_figures() -> None:
    log = a_log(*(f"u{number} i{number % 3} 10:{number // 5:02d} s{number}" for number in range(250)))
    found = prequential(Popularity(), log, k=1)
    assert len(found.curve) == 100
    assert found.curve["events"].is_monotonic_increasing
    last = found.curve.iloc[-1]
    assert (last["events"], last["questions"], last["hit_rate"]) == (250, found.questions, found.hit_rate)
    assert found.latency.count == found.questions


def test_a_log_without_questions_gives_no_figures_rather_than_zero() -> None:
    found = prequential(Popularity(), a_log().astype({"timestamp": "datetime64[us, UTC]"}))
    assert found.questions == 0
    assert math.isnan(found.hit_rate)
    assert math.isnan(found.coverage)


@pytest.mark.parametrize(("k", "every", "named"), [(0, 1, "k is 0"), (10, 0, "every is 0"), (2.5, 1, "k is 2.5")])
def test_unusable_numbers_are_refused(k: int, every: int, named: str) -> None:
    with pytest.raises(InvalidEvent, match=named):
        prequential(Popularity(), a_log("ann lamp 10:00 s"), k, every=every)


def test_a_log_that_cannot_be_replayed_is_refused() -> None:
    log = a_log("ann lamp 10:05 s", "ann mug 10:00 s")
    with pytest.raises(InvalidEvent, match="timestamp goes backwards"):
        prequential(Popularity(), log)
    with pytest.raises(InvalidEvent, match="no column item_id"):
        prequential(Popularity(), log.drop(columns="item_id"))
    without_offset = log.iloc[:1].assign(timestamp=log["timestamp"].dt.tz_localize(None))
    with pytest.raises(InvalidEvent, match=r"timestamp is datetime64.*offset"):
        prequential(Popularity(), without_offset)


def test_what_simulate_gives_can_be_evaluated_and_what_is_no_table_is_refused() -> None:
    simulated = simulate(20, 30, 2, seed=1)
    assert prequential(Popularity(), simulated) == prequential(Popularity(), simulated.events)  # type: ignore[arg-type]
    with pytest.raises(InvalidEvent, match="interactions is"):
        prequential(Popularity(), [1, 2, 3])  # type: ignore[arg-type]
