"""An event's life: a short story, and all that moves in the engine while it is told.

Nothing here looks inside the engine. Its streams are subscribed to, like anybody may; the recommender and the
cache are replaced by ones that do the same and take notes. What the cache served is compared with what a
second engine, which never caches, answers at the same moment of the same story.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pandas as pd

from recsys_lab.engine import Recommendation, StreamingRecommendationEngine
from recsys_lab.events import RecommendationRequestEvent, StreamEvent, UserInteractionEvent
from recsys_lab.experiments.running import run
from recsys_lab.experiments.shop import item_names, open_shop
from recsys_lab.recommend.base import Recommender
from recsys_lab.recommend.cache import RecommendationCache
from recsys_lab.recommend.item_neighbours import ItemNeighbours

LANES = ("items", "interactions", "profile", "recommender", "cache", "requests", "responses")
"""The parts of the engine, as an interaction passes them, and a request the other way."""

COLUMNS = ("step", "time", "story", "lane", "what", "detail")


class Step(NamedTuple):
    """One sentence of the story. after: seconds since the one before. act: what is done to the engine."""

    after: float
    story: str
    act: Callable[[_Shop], Any]


def event_life(purchases: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """What happened in each part of a real engine, step by step, in a story of one newcomer, `you`.

    purchases: what the shop has learned from before, as `datasets.load` gives them.
    Columns: step (from 1), time (of the engine), story (a sentence, the same for all rows of a step), lane
    (of LANES, in that order), what (in a word or two), detail.
    """
    return run(_event_life(purchases, seed))


STORY = (
    Step(0, "You come for the first time and ask.", lambda shop: shop.ask("you")),
    Step(20, "You view the best item on the list.", lambda shop: shop.take("you", "view", 0)),
    Step(10, "You ask again.", lambda shop: shop.ask("you")),
    Step(60, "A minute later you ask once more.", lambda shop: shop.ask("you")),
    Step(30, "Ten other customers buy your item, each with one you were not shown.", lambda shop: shop.others_buy(10)),
    Step(30, "You ask again.", lambda shop: shop.ask("you")),
    Step(15, "You click on the second item of the list.", lambda shop: shop.take("you", "click", 1)),
    Step(5, "You ask again.", lambda shop: shop.ask("you")),
    Step(60, "The shop moves an item on your list to another category.", lambda shop: shop.move_item(2)),
    Step(5, "You ask again.", lambda shop: shop.ask("you")),
    Step(300, "You come back after five minutes and ask.", lambda shop: shop.ask("you")),
    Step(20, "You buy the best item on the list.", lambda shop: shop.take("you", "purchase", 0)),
    Step(10, "You ask a last time.", lambda shop: shop.ask("you")),
)


async def _event_life(purchases: pd.DataFrame, seed: int) -> pd.DataFrame:
    names = item_names(purchases)
    never_caches = await _Shop.open(purchases, names, seed, cache_ttl=timedelta(0))
    shop = await _Shop.open(purchases, names, seed)
    rows = []
    for number, step in enumerate(STORY, start=1):
        for each in (never_caches, shop):
            each.notes.clear()
            each.pass_time(step.after)
            await step.act(each)
        time = shop.engine.clock.now()
        stale = len(set(shop.shown) - set(never_caches.shown))
        for lane, what, detail in _condensed(shop.notes):
            if (lane, what) == ("cache", "hit"):
                what = "stale hit" if stale else "hit"
                detail = f"{detail}; {stale} of 10 would be different now"
            rows.append((number, time, step.story, lane, what, detail))
        never_caches.shown = list(shop.shown)  # both take the same items in the next step
    for each in (never_caches, shop):
        await each.engine.stop()
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"lane": pd.CategoricalDtype(list(LANES), ordered=True)})


Notes = list[tuple[str, str, str]]
"""(lane, what, detail) in the order in which it happened."""


def _condensed(notes: Notes) -> Notes:
    """What happened many times in one step becomes one note, with the last of them as its detail."""
    alike: dict[tuple[str, str], list[str]] = {}
    for lane, what, detail in notes:
        alike.setdefault((lane, what), []).append(detail)
    return [
        (lane, what if len(details) == 1 else f"{what} ×{len(details)}", details[-1])
        for (lane, what), details in alike.items()
    ]


class _Shop:
    """An engine, the list that `you` saw last, and notes of what moved."""

    def __init__(self, engine: StreamingRecommendationEngine, names: dict[str, str], notes: Notes) -> None:
        self.engine = engine
        self.names = names
        self.notes = notes
        self.shown: list[str] = []

    @staticmethod
    async def open(purchases: pd.DataFrame, names: dict[str, str], seed: int, **options: Any) -> _Shop:
        notes: Notes = []
        watched = _WatchedRecommender(ItemNeighbours(), notes, names)
        engine = await open_shop(purchases, recommender=watched, seed=seed, **options)
        engine.recommendation_cache = _WatchedCache(engine.recommendation_cache, notes, engine.clock.now)  # type: ignore[assignment]
        shop = _Shop(engine, names, notes)
        await engine.stop()
        streams = engine.event_streams
        streams["interactions"].subscribe(shop._on_interaction)  # before the engine, so that this is noted first
        streams["requests"].subscribe(shop._on_request)
        await engine.start()
        streams["interactions"].subscribe(shop._on_learned)  # after the engine has learned
        streams["responses"].subscribe(shop._on_response)
        return shop

    # -- what can happen in a story --

    def pass_time(self, seconds: float) -> None:
        self.engine.clock.advance(timedelta(seconds=seconds))  # type: ignore[attr-defined]

    async def ask(self, user_id: str) -> None:
        self.shown = [r.item_id for r in await self.engine.get_recommendations(user_id)]

    async def take(self, user_id: str, kind: str, place: int) -> None:
        await self.engine.process_user_interaction(user_id, self.shown[place], kind)

    async def others_buy(self, customers: int) -> None:
        """Each buys the item that you viewed first, and one that is not on your list."""
        viewed = next(iter(self.engine.user_profiles["you"].items))
        hidden = next(item for item in self.names if item not in self.shown and item != viewed)
        for number in range(1, customers + 1):
            for item_id in (viewed, hidden):
                await self.engine.process_user_interaction(f"other-{number}", item_id, "purchase")

    async def move_item(self, place: int) -> None:
        item_id = self.shown[place]
        self.notes.append(("items", "update", f"{self.names[item_id]} is now in the category sale"))
        await self.engine.update_item(item_id, {"category": "sale"})

    # -- notes from the streams --

    def _on_interaction(self, event: StreamEvent) -> None:
        assert isinstance(event, UserInteractionEvent)
        detail = f"{event.event_id}: {event.interaction_type} by {event.user_id}, {self.names[event.item_id]}"
        self.notes.append(("interactions", event.interaction_type, detail))

    def _on_learned(self, event: StreamEvent) -> None:
        profile = self.engine.user_profiles[event.user_id or ""]
        liked = sorted(profile.preferred_categories.items(), key=lambda pair: (-pair[1], pair[0]))
        likes = ", ".join(f"{category} {weight:.1f}" for category, weight in liked[:2])
        count = profile.interaction_count
        times = "1 interaction" if count == 1 else f"{count} interactions"
        self.notes.append(("profile", "grows", f"{event.user_id}: {times}; {likes}"))

    def _on_request(self, event: StreamEvent) -> None:
        assert isinstance(event, RecommendationRequestEvent)
        detail = f"{event.event_id}: {event.num_recommendations} items for {event.user_id}, please"
        self.notes.append(("requests", "asked", detail))

    def _on_response(self, event: StreamEvent) -> None:
        answer = event.to_dict()
        best = self.names[answer["recommendations"][0]["item_id"]]
        source = "from the cache" if answer["from_cache"] else "computed"
        count = len(answer["recommendations"])
        self.notes.append(("responses", f"{count} items", f"{source}; the best is {best}"))


class _WatchedRecommender:
    """A recommender that takes notes."""

    def __init__(self, recommender: ItemNeighbours, notes: Notes, names: dict[str, str]) -> None:
        self._recommender: Recommender = recommender
        self._notes = notes
        self._names = names
        self.relation = recommender.relation
        self.state, self.restore = recommender.state, recommender.restore

    def observe(self, user_id: str, item_id: str, weight: float, at: datetime) -> None:
        self._recommender.observe(user_id, item_id, weight, at)
        self._notes.append(("recommender", "learns", f"{self._names[item_id]}, weight {weight}"))

    def recommend(
        self, user_id: str, n: int, *, at: datetime, exclude: Collection[str] = ()
    ) -> list[tuple[str, float]]:
        found = self._recommender.recommend(user_id, n, at=at, exclude=exclude)
        known = "a stranger: popular items" if not exclude else "you: neighbours of what you know"
        self._notes.append(("recommender", "computes", f"{len(found)} candidates for {known}"))
        return found


class _WatchedCache:
    """A cache that takes notes."""

    def __init__(self, cache: RecommendationCache, notes: Notes, now: Callable[[], datetime]) -> None:
        self._cache = cache
        self._notes = notes
        self._now = now

    def get(self, *key: Any) -> tuple[Recommendation, ...] | None:
        before = self._cache.miss_causes()
        answer = self._cache.get(*key)
        if answer is None:
            causes = self._cache.miss_causes()
            cause = next(cause for cause in causes if causes[cause] > before[cause])
            self._notes.append(("cache", "miss", _CAUSES[cause]))
        else:
            age = (self._now() - answer[0].timestamp).total_seconds()
            self._notes.append(("cache", "hit", f"an answer {age:.0f} s old"))
        return answer

    def put(self, *entry: Any) -> None:
        self._cache.put(*entry)

    def invalidate_user(self, user_id: str) -> int:
        return self._note(self._cache.invalidate_user(user_id), f"answers for {user_id} are out of date")

    def invalidate_item(self, item_id: str) -> int:
        return self._note(self._cache.invalidate_item(item_id), "answers that show the item are out of date")

    def _note(self, dropped: int, why: str) -> int:
        if dropped:
            self._notes.append(("cache", "dropped", f"{dropped} dropped, as {why}"))
        return dropped


_CAUSES = {
    "cold": "cold: this was never asked",
    "expired": "expired: the answer grew too old",
    "invalidated": "invalidated: the answer had been dropped",
    "evicted": "evicted: the answer had to make room",
}
