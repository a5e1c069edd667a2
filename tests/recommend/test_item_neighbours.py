"""ItemNeighbours: what it promises, its bounds, an interruption anywhere, and that it beats the sketch."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import msgspec
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lab import datasets
from recsys_lab.recommend import item_neighbours, pairs
from recsys_lab.recommend.base import Recommender
from recsys_lab.recommend.evaluate import prequential
from recsys_lab.recommend.item_neighbours import ItemNeighbours
from recsys_lab.recommend.lags import STEPS
from recsys_lab.recommend.popularity import Popularity
from tests.builders import clock_time
from tests.recommend import logs
from tests.recommend.sketch import Sketch

NOON = clock_time("12:00")

Log = list[tuple[str, str, int]]  # user, item, minutes after noon
logs_of_few = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "cat"]),
        st.sampled_from([f"i{number:02d}" for number in range(30)]),
        st.integers(0, 300),
    ),
    max_size=120,
)


def later(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def learn(model: ItemNeighbours, log: Log) -> ItemNeighbours:
    for user_id, item_id, minute in log:
        model.observe(user_id, item_id, 1.0, later(minute))
    return model


def items(answer: list[tuple[str, float]]) -> list[str]:
    return [item_id for item_id, _ in answer]


def a_long_log(seed: int, length: int = 3_000, catalogue: int = 400) -> Log:
    random = Random(seed)
    return [(f"u{random.randrange(40)}", f"i{int(catalogue * random.random() ** 2)}", n) for n in range(length)]


def test_it_is_a_recommender() -> None:
    assert isinstance(ItemNeighbours(), Recommender)


def test_what_others_took_after_the_latest_item_comes_first() -> None:
    model = learn(ItemNeighbours(), [("ann", "tea", 0), ("ann", "cup", 1), ("bob", "oil", 0), ("bob", "pan", 1)])
    learn(model, [("cat", "tea", 2)])
    assert items(model.recommend("cat", 2, at=later(3), exclude={"tea"}))[0] == "cup"


def test_a_stranger_gets_what_is_popular_lately() -> None:
    model = learn(ItemNeighbours(), [("ann", "tea", 0), ("bob", "tea", 1), ("cat", "oil", 2)])
    assert items(model.recommend("dan", 2, at=later(3))) == ["tea", "oil"]


def test_nothing_was_observed_nothing_is_recommended() -> None:
    assert ItemNeighbours().recommend("ann", 10, at=NOON) == []


@given(logs_of_few, st.integers(0, 40), st.sets(st.sampled_from(["i00", "i01", "i07"])))
def test_lists_are_ordered_without_repeats_and_as_long_as_can_be(log: Log, n: int, excluded: set[str]) -> None:
    answer = learn(ItemNeighbours(), log).recommend("ann", n, at=later(301), exclude=excluded)
    known = {item_id for _, item_id, _ in log} - excluded
    assert len(answer) == min(n, len(known))
    assert len(set(items(answer))) == len(answer)
    assert set(items(answer)) <= known
    assert answer == sorted(answer, key=lambda pair: (-pair[1], pair[0]))


@given(logs_of_few, st.integers(1, 10), st.integers(1, 30))
def test_a_longer_list_begins_like_a_shorter_one(log: Log, short: int, more: int) -> None:
    model = learn(ItemNeighbours(), log)
    shorter = items(model.recommend("ann", short, at=later(301)))
    assert items(model.recommend("ann", short + more, at=later(301)))[:short] == shorter


def test_who_asks_for_everything_gets_everything_beyond_all_lists() -> None:
    model = learn(ItemNeighbours(), a_long_log(1))
    everything = {item_id for _, item_id, _ in a_long_log(1)}
    assert len(everything) > pairs.NEIGHBOURS + item_neighbours.POPULAR
    assert set(items(model.recommend("u1", 10_000, at=later(3_000)))) == everything


@settings(max_examples=40)
@given(logs_of_few, logs_of_few)
def test_an_interruption_changes_nothing(before: Log, after: Log) -> None:
    unstopped = learn(ItemNeighbours(), before + after)
    stopped = ItemNeighbours()
    stopped.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(learn(ItemNeighbours(), before).state())))
    learn(stopped, after)
    for user_id in ("ann", "bob", "stranger"):
        assert stopped.recommend(user_id, 40, at=later(301)) == unstopped.recommend(user_id, 40, at=later(301))
    assert msgspec.msgpack.encode(stopped.state()) == msgspec.msgpack.encode(unstopped.state())


def test_an_interruption_changes_nothing_where_lists_are_full() -> None:
    log = a_long_log(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "FOLLOWERS", 20)
        unstopped = learn(ItemNeighbours(), log)
        stopped = ItemNeighbours()
        stopped.restore(msgspec.json.decode(msgspec.json.encode(learn(ItemNeighbours(), log[:1_700]).state())))
        learn(stopped, log[1_700:])
    assert msgspec.msgpack.encode(stopped.state()) == msgspec.msgpack.encode(unstopped.state())


def test_a_state_is_a_copy_that_later_events_leave_alone() -> None:
    model = learn(ItemNeighbours(), a_long_log(3, 200))
    state = model.state()
    saved = msgspec.msgpack.encode(state)
    learn(model, a_long_log(4, 200))
    assert msgspec.msgpack.encode(state) == saved
    other = ItemNeighbours()
    other.restore(state)
    learn(other, a_long_log(4, 200))
    assert msgspec.msgpack.encode(state) == saved


def test_memory_is_bounded_for_each_user_and_each_item() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "FOLLOWERS", 30)
        state = learn(ItemNeighbours(), a_long_log(5)).state()
    assert max(len(user[0]) for user in state["users"].values()) == STEPS
    assert max(len(followers) for followers, _ in state["pairs"]["followers"]) == 30
    assert max(len(row) for row in state["pairs"]["neighbours"]) == pairs.NEIGHBOURS


@given(logs_of_few)
def test_relation_is_symmetric_from_none_to_one(log: Log) -> None:
    model = learn(ItemNeighbours(), log)
    for a, b in [("i00", "i01"), ("i02", "i07"), ("i03", "never")]:
        assert model.relation(a, b) == model.relation(b, a)
        assert 0.0 <= model.relation(a, b) <= 1.0
    assert model.relation("i00", "i00") == 1.0


def test_relation_grows_with_what_is_taken_together() -> None:
    pair = [("ann", "tea", 0), ("ann", "cup", 1)]
    once = learn(ItemNeighbours(), [*pair, ("bob", "oil", 0)])
    often = learn(ItemNeighbours(), [(f"u{n}", item, minute) for n in range(20) for _, item, minute in pair])
    assert once.relation("tea", "oil") == 0.0
    assert 0.0 < once.relation("tea", "cup") < often.relation("tea", "cup")


def test_old_visits_fade_before_the_present_one() -> None:
    """The latest item decides, though an older one has the stronger neighbour in number."""
    log = [(f"u{n}", item, minute) for n in range(30) for minute, item in enumerate(["tea", "cup"])]
    log += [(f"v{n}", item, minute) for n in range(30) for minute, item in enumerate(["oil", "pan"])]
    model = learn(ItemNeighbours(), [*log, ("ann", "tea", 60), ("ann", "oil", 200)])
    assert items(model.recommend("ann", 2, at=later(201), exclude={"tea", "oil"})) == ["pan", "cup"]


@pytest.fixture(scope="module")
def purchases() -> pd.DataFrame:
    return datasets.cut(datasets.load("online-retail"), users=80)


@pytest.mark.parametrize("log", ["purchases", "baskets", "tastes"])
def test_it_beats_the_sketch_and_popularity(log: str, purchases: pd.DataFrame) -> None:
    table = purchases if log == "purchases" else getattr(logs, log)(seed=7)
    every = max(1, len(table) // 2_000)
    ours = prequential(ItemNeighbours(), table, every=every)
    sketch = prequential(Sketch(), table, every=every)
    popular = prequential(Popularity(), table, every=every)
    assert ours.hit_rate > 1.1 * sketch.hit_rate
    assert ours.ndcg > 1.1 * sketch.ndcg
    assert ours.hit_rate > 1.5 * popular.hit_rate


def test_it_beats_the_sketch_also_where_taste_alone_decides_and_nothing_leads_to_anything() -> None:
    """The sketch is at its best here: every pair of a user's items says as much as any other."""
    tables = [logs.raters(seed) for seed in (1, 2)]
    ours, sketch = ([prequential(model(), table, every=4) for table in tables] for model in (ItemNeighbours, Sketch))
    assert sum(result.hit_rate for result in ours) > sum(result.hit_rate for result in sketch)
    assert sum(result.ndcg for result in ours) > sum(result.ndcg for result in sketch)
