"""UserNeighbours against the definition computed by brute force, and across an interruption."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lab.recommend.base import Recommender
from recsys_lab.recommend.popularity import Popularity
from recsys_lab.recommend.user_neighbours import UserNeighbours
from tests.builders import clock_time

NOON = clock_time("12:00")

USERS = [f"u{number:02d}" for number in range(16)]
ITEMS = [f"i{number:03d}" for number in range(130)]


def a_long_log(seed: int) -> list[tuple[str, str]]:
    """Three users busy enough to forget, who share little with the rest."""
    random = Random(seed)
    busy = [(random.choice(USERS[:3]), random.choice(ITEMS)) for _ in range(random.randrange(100, 500))]
    return busy + [(random.choice(USERS), random.choice(ITEMS)) for _ in range(random.randrange(100))]


# Few items make many neighbours and ties; long logs make full histories and weak similarities.
interactions = st.one_of(
    st.lists(st.tuples(st.sampled_from(USERS), st.sampled_from(ITEMS[:12])), max_size=60),
    st.integers(0, 10**6).map(a_long_log),
)


def learned(log: list[tuple[str, str]], *, fill_with_popular: bool = False) -> UserNeighbours:
    model = UserNeighbours(fill_with_popular=fill_with_popular)
    for user_id, item_id in log:
        model.observe(user_id, item_id, 1.0, NOON)
    return model


def last_hundred(log: list[tuple[str, str]], user_id: str) -> set[str]:
    """By definition: read the log backwards until 100 different items were met."""
    items: set[str] = set()
    for who, item_id in reversed(log):
        if who == user_id and len(items) < 100:
            items.add(item_id)
    return items


def brute_force(log: list[tuple[str, str]], user_id: str) -> list[tuple[str, Fraction]]:
    """The definition, scanning all users, in exact fractions."""
    held = {who: last_hundred(log, who) for who, _ in log}
    mine = held.pop(user_id, set())
    similar = []
    for other, theirs in held.items():
        if mine | theirs:
            jaccard = Fraction(len(mine & theirs), len(mine | theirs))
            if jaccard > Fraction(1, 10):
                similar.append((-jaccard, other))
    votes: dict[str, Fraction] = {}
    for negative, other in sorted(similar)[:10]:
        for item_id in held[other]:
            votes[item_id] = votes.get(item_id, Fraction(0)) - negative
    return sorted(votes.items(), key=lambda vote: (-vote[1], vote[0]))


@settings(max_examples=100, deadline=None)
@given(interactions, st.sampled_from(USERS))
def test_recommendations_equal_the_brute_force_definition(log: list[tuple[str, str]], user_id: str) -> None:
    expected = brute_force(log, user_id)

    found = learned(log).recommend(user_id, 1_000, at=NOON)

    assert [item_id for item_id, _ in found] == [item_id for item_id, _ in expected]
    assert all(abs(score - float(exact)) <= 1e-9 for (_, score), (_, exact) in zip(found, expected, strict=True))


@settings(max_examples=50, deadline=None)
@given(interactions, st.sampled_from(USERS), st.integers(0, 20), st.sets(st.sampled_from(ITEMS[:12])))
def test_popular_items_follow_the_candidates_until_all_were_named(
    log: list[tuple[str, str]], user_id: str, n: int, exclude: set[str]
) -> None:
    model, popularity = learned(log, fill_with_popular=True), Popularity()
    for who, item_id in log:
        popularity.observe(who, item_id, 1.0, NOON)
    candidates = [item_id for item_id, _ in model.candidates(user_id) if item_id not in exclude]
    by_popularity = [item_id for item_id, _ in popularity.recommend(user_id, 1_000, at=NOON, exclude=exclude)]
    expected = list(dict.fromkeys(candidates + by_popularity))

    everything = model.recommend(user_id, 1_000, at=NOON, exclude=exclude)

    assert [item_id for item_id, _ in everything] == expected
    assert [score for _, score in everything] == sorted((score for _, score in everything), reverse=True)
    assert [item_id for item_id, _ in model.recommend(user_id, n, at=NOON, exclude=exclude)] == expected[:n]


@settings(max_examples=50, deadline=None)
@given(interactions, st.integers(0, 400), st.sampled_from(USERS))
def test_interrupted_and_restored_it_answers_as_if_nothing_had_happened(
    log: list[tuple[str, str]], cut: int, user_id: str
) -> None:
    restored = learned([("somebody", "something else")])
    restored.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(learned(log[:cut]).state())))
    for who, item_id in log[cut:]:
        restored.observe(who, item_id, 1.0, NOON)

    uninterrupted = learned(log)

    assert restored.recommend(user_id, 1_000, at=NOON) == uninterrupted.recommend(user_id, 1_000, at=NOON)
    assert restored.state() == uninterrupted.state()


def test_a_repeat_moves_an_item_to_the_end_so_another_one_is_forgotten() -> None:
    first_hundred = [("ann", item_id) for item_id in ITEMS[:100]]
    model = learned([*first_hundred, ("ann", ITEMS[0]), ("ann", "new")])

    items = model.state()["users"]["ann"]

    assert len(items) == 100
    assert items[-2:] == [ITEMS[0], "new"]
    assert ITEMS[1] not in items


def test_a_forgotten_item_no_longer_makes_neighbours() -> None:
    two_and_more = [("bob", "lamp"), ("cat", "lamp"), *(("bob", item_id) for item_id in ITEMS[:100])]

    assert learned([*two_and_more, ("ann", "lamp")]).neighbours("ann") == [("cat", 1.0)]


def test_a_similarity_of_exactly_one_tenth_is_not_enough() -> None:
    ten = [("bob", item_id) for item_id in ITEMS[:10]]

    assert learned([("ann", ITEMS[0]), *ten]).neighbours("ann") == []
    assert learned([("ann", ITEMS[0]), *ten[:9]]).neighbours("ann") == [("bob", 1 / 9)]


def test_of_equally_similar_users_the_first_ten_by_id_vote() -> None:
    crowd = [(user_id, "lamp") for user_id in reversed(USERS)]

    assert learned([*crowd, ("ann", "lamp")]).neighbours("ann") == [(user_id, 1.0) for user_id in USERS[:10]]


def test_a_cold_user_gets_popular_items_where_they_are_wished() -> None:
    log = [("ann", "lamp"), ("bob", "lamp"), ("bob", "desk")]

    assert learned(log).recommend("nobody", 5, at=NOON) == []
    filled = learned(log, fill_with_popular=True)
    assert filled.recommend("nobody", 5, at=NOON) == [("lamp", 0.1), ("desk", 0.05)]


def test_an_empty_recommender_has_nothing_to_say() -> None:
    assert UserNeighbours().recommend("ann", 5, at=NOON) == []


def test_it_is_a_recommender() -> None:
    assert isinstance(UserNeighbours(), Recommender)
