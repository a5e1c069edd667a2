"""Whatever is called in whatever order: an answer holds what it may hold, and the same calls give the same bytes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from recsys_lab.clock import SimulatedClock
from recsys_lab.engine import StreamingRecommendationEngine
from recsys_lab.recommend.popularity import Popularity
from tests.engine.shop import filled_user_neighbours

USERS = ["ann", "bob", "cid"]
ITEMS = [f"item-{number}" for number in range(8)]
CATEGORIES = ["home", "toys"]
TYPES = ["view", "click", "purchase", "rating", "share"]

users, some_items, categories = st.sampled_from(USERS), st.sampled_from(ITEMS), st.sampled_from(CATEGORIES)
contexts = st.fixed_dictionaries(
    {}, optional={"device": st.sampled_from(["mobile", "desktop"]), "time_of_day": st.sampled_from(["noon", "night"])}
)
filters = st.fixed_dictionaries(
    {},
    optional={
        "category": st.one_of(categories, st.lists(categories, max_size=2)),
        "exclude_items": st.lists(some_items, max_size=3),
        "include_seen": st.booleans(),
    },
)


class EngineAgainstAModel(RuleBasedStateMachine):
    """The model knows who touched what, each item's category, and which answers must still be in the cache."""

    @initialize(
        make=st.sampled_from([None, Popularity, filled_user_neighbours]), exploration=st.sampled_from([0.0, 0.1])
    )
    def begin(self, make: Any, exploration: float) -> None:
        self.clock = SimulatedClock()
        self.engine = StreamingRecommendationEngine(
            make() if make else None, clock=self.clock, exploration=exploration, cache_ttl=timedelta(minutes=5)
        )
        asyncio.run(self.engine.start())
        self.touched: dict[str, list[str]] = {}
        self.category: dict[str, list[str]] = {}
        self.cached: dict[str, tuple[str, Any, list[Any]]] = {}  # key → user, when, answer
        self.hits = self.requests = 0

    @rule(user=users, item=some_items, kind=st.sampled_from(TYPES))
    def interact(self, user: str, item: str, kind: str) -> None:
        asyncio.run(self.engine.process_user_interaction(user, item, kind))
        self.touched.setdefault(user, []).append(item)
        self.cached = {key: entry for key, entry in self.cached.items() if entry[0] != user}

    @rule(item=some_items, category=st.one_of(st.none(), categories, st.lists(categories, max_size=2)))
    def update_item(self, item: str, category: Any) -> None:
        asyncio.run(self.engine.update_item(item, {} if category is None else {"category": category}))
        self.category[item] = [category] if isinstance(category, str) else category or []
        self.cached = {
            key: entry for key, entry in self.cached.items() if item not in [shown.item_id for shown in entry[2]]
        }

    @rule(seconds=st.sampled_from([1, 100, 299, 300]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    @rule(
        user=st.sampled_from([*USERS, "nobody", None]), n=st.sampled_from([1, 3, 20]), context=contexts, given=filters
    )
    def ask(self, user: str | None, n: int, context: dict[str, Any], given: dict[str, Any]) -> None:
        answer = asyncio.run(self.engine.get_recommendations(user, n, context, filters=given))
        response = self.engine.event_streams["responses"].get_recent_events(1)[0]
        assert response.recommendations == [recommendation.to_dict() for recommendation in answer]
        self.requests += 1

        key = json.dumps([user, n, context, given], sort_keys=True)
        _, since, cached = self.cached.get(key, (None, None, None))
        is_fresh = since is not None and self.clock.now() - since < timedelta(minutes=5)
        assert response.from_cache == is_fresh
        self.hits += is_fresh
        if is_fresh:
            assert answer == cached
            return
        self.cached[key] = (user or "", self.clock.now(), answer)
        shown = [recommendation.item_id for recommendation in answer]
        assert len(set(shown)) == len(shown) == min(n, len(self.eligible(user, given)))
        assert set(shown) <= self.eligible(user, given)
        order = [(-recommendation.score, recommendation.item_id) for recommendation in answer]
        assert order == sorted(order)
        assert all(0.0 <= recommendation.score <= 1.0 for recommendation in answer)

    def eligible(self, user: str | None, given: dict[str, Any]) -> set[str]:
        found = {item for touched in self.touched.values() for item in touched}
        if not given.get("include_seen"):
            found -= set(self.touched.get(user or "", []))
        wanted = given.get("category", [])
        wanted = [wanted] if isinstance(wanted, str) else wanted
        if wanted:
            found = {item for item in found if set(self.category.get(item, [])) & set(wanted)}
        return found - set(given.get("exclude_items", []))

    @invariant()
    def agree(self) -> None:
        if not hasattr(self, "engine"):
            return
        assert {user: dict(profile.items) for user, profile in self.engine.user_profiles.items()} == {
            user: dict(Counter(touched)) for user, touched in self.touched.items()
        }
        stats = self.engine.recommendation_cache.stats()
        fresh = [key for key, (_, since, _) in self.cached.items() if self.clock.now() - since < timedelta(minutes=5)]
        assert stats["size"] == len(fresh)
        assert (stats["hits"], stats["misses"]) == (self.hits, self.requests - self.hits)
        assert self.engine.event_streams["responses"].next_offset == self.requests
        assert not any(stream.dead_letters for stream in self.engine.event_streams.values())


TestEngineAgainstAModel = EngineAgainstAModel.TestCase
TestEngineAgainstAModel.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


# -- the same calls, the same bytes -----------------------------------------------------------------------------


async def responses_of_a_long_day(seed: int = 3, *, calls: int = 400) -> bytes:
    """Every response, byte for byte, to a seeded mix of all calls on a clock that runs past many expiries."""
    chance, clock = random.Random(11), SimulatedClock()
    lines: list[bytes] = []
    async with StreamingRecommendationEngine(clock=clock, seed=seed) as engine:
        engine.event_streams["responses"].subscribe(lambda event: lines.append(event.to_json()))
        for _ in range(calls):
            user, item = f"user-{chance.randrange(12)}", f"item-{chance.randrange(60)}"
            clock.advance(timedelta(seconds=chance.choice([0, 5, 90, 400])))
            action = chance.randrange(10)
            if action < 6:
                await engine.process_user_interaction(user, item, chance.choice(TYPES), chance.random())
            elif action < 7:
                await engine.update_item(item, {"category": chance.sample(["home", "toys", "food"], 2)})
            else:
                context = chance.choice([{}, {"device": "mobile"}, {"device": "tv", "time_of_day": "night"}])
                only = chance.choice([{}, {"category": ["toys"]}, {"include_seen": True}, {"exclude_items": [item]}])
                for _ in range(2):
                    await engine.get_recommendations(user, chance.choice([3, 10]), context, filters=only)
    assert len(lines) > calls / 4
    assert any(b'"from_cache":true' in line for line in lines)
    return b"\n".join(lines)


def digest() -> str:
    return hashlib.sha256(asyncio.run(responses_of_a_long_day())).hexdigest()


def test_two_engines_with_the_same_seed_and_calls_give_the_same_bytes():
    first = asyncio.run(responses_of_a_long_day())
    assert asyncio.run(responses_of_a_long_day()) == first
    assert asyncio.run(responses_of_a_long_day(seed=4)) != first


def test_the_bytes_do_not_depend_on_how_python_hashes_text():
    root = Path(__file__).resolve().parents[2]
    code = "from tests.engine.test_properties import digest; print(digest())"
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for hash_seed in ("0", "4711")
    ]
    assert {run.communicate(timeout=120)[0].strip() for run in runs} == {digest()}


def test_exploration_depends_on_seed_user_item_and_that_users_interactions_only():
    """So a restart or a second instance changes nothing: neither time nor earlier requests move a score."""

    async def scores(*, seed: int = 0, questions: int = 0, views: int = 0) -> dict[str, float]:
        clock = SimulatedClock()
        engine = StreamingRecommendationEngine(Popularity(), clock=clock, seed=seed, cache_ttl=timedelta(0))
        async with engine:
            for item in ITEMS:
                await engine.process_user_interaction("bob", item, "view")
            for _ in range(views):  # too long ago to move a score, of an item that is never shown
                long_ago = clock.now() - timedelta(days=90)
                await engine.process_user_interaction("ann", ITEMS[0], "view", timestamp=long_ago)
            for _ in range(questions):
                clock.advance(timedelta(hours=1))
                await engine.get_recommendations("ann", 3)
                await engine.get_recommendations("cid", 3)
            given = await engine.get_recommendations("ann", filters={"exclude_items": [ITEMS[0]]})
            return {recommendation.item_id: recommendation.score for recommendation in given}

    first = asyncio.run(scores())
    assert asyncio.run(scores(questions=5)) == first
    assert asyncio.run(scores(seed=1)) != first
    assert asyncio.run(scores(views=1)) != first
    assert len(set(first.values())) == len(first)  # all as popular as each other: only chance tells them apart
