"""The recommendation engine: streams, processors, recommender and cache wired together.

    process_user_interaction ──▶ interactions ──▶ recommender, profile, cache
    get_recommendations ───────▶ requests ──────▶ one answer ──▶ responses

Everything goes through the streams, and there is one path through each: what is published directly on
`interactions` or `requests` is handled exactly like a call. The engine subscribes with plain functions, so
when a call returns, its effect is there: you read your own writes. All that it knows follows from the events
it was given, its clock and its seed; two engines with the same three give the same answers, byte for byte.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from math import isfinite
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

import msgspec

from recsys_lab import profiles
from recsys_lab.checks import json_object, refuse
from recsys_lab.clock import Clock, IdSource, SystemClock
from recsys_lab.errors import InvalidEvent, LabError, shorten
from recsys_lab.events import (
    ItemUpdateEvent,
    RecommendationRequestEvent,
    RecommendationResponseEvent,
    StreamEvent,
    UserInteractionEvent,
    interaction_weight,
)
from recsys_lab.latency import LatencySketch
from recsys_lab.processors import RealTimeRecommendationProcessor, StreamProcessor, UserProfileProcessor
from recsys_lab.recommend.base import Recommender
from recsys_lab.recommend.cache import RecommendationCache
from recsys_lab.recommend.filters import Filters
from recsys_lab.recommend.item_neighbours import ItemNeighbours
from recsys_lab.recommend.ranking import ContextualRanker, Factor, Scored, no_relation
from recsys_lab.streams import EventStream, Subscription

CANDIDATES = 50
"""At least so many candidates are ranked for each request."""

EVERYTHING = 10**9
"""More candidates than there are items."""

ANYBODY = ""
"""Stands for the user of a request that names none; no interaction can carry it."""

CALLS_BETWEEN_TURNS = 64
"""So many calls are made before other tasks on the event loop get a turn."""

Event = TypeVar("Event", bound=StreamEvent)


class Recommendation(msgspec.Struct, frozen=True):
    """One recommended item. score: 0 to 1. reasons: what moved it most. timestamp: when it was computed."""

    item_id: str
    score: float
    reasons: tuple[str, ...]
    timestamp: datetime

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "item_id": self.item_id,
            "score": self.score,
            "reasons": list(self.reasons),
            "timestamp": self.timestamp.isoformat(),
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Recommendation:
        """The recommendation that `to_dict` described."""
        return cls(
            fields["item_id"], fields["score"], tuple(fields["reasons"]), datetime.fromisoformat(fields["timestamp"])
        )


class EngineAnswer(NamedTuple):
    """Recommendations, best first, and whether they came from the cache."""

    recommendations: tuple[Recommendation, ...]
    from_cache: bool

    def to_list(self) -> list[dict[str, Any]]:
        return [recommendation.to_dict() for recommendation in self.recommendations]


LEARNED = EngineAnswer((), from_cache=False)
"""What comes of an interaction that went well."""


class StreamingRecommendationEngine:
    """Learns from each interaction as it happens, and answers requests from what it knows by then.

    recommender: where candidates come from, `ItemNeighbours` by default. clock: the machine's by default.
    seed: of the exploration. cache_ttl: how long an answer may be served again; 0 turns the cache off.
    history: interactions kept of each user. exploration: half-width of the random term of a score, 0 turns
    it off. stream_size: events held by each stream. cache_entries: answers held by the cache.

    Of each user it holds the last `history` interactions and the profile, which grows only with the distinct
    items the user touched and is bounded otherwise: about 300 bytes an interaction kept, and 100 bytes a
    distinct item. Safe to call from several threads.

    Use it as `async with StreamingRecommendationEngine() as engine:`; calls outside raise LabError. A stopped
    engine that is started again goes on in each stream where it had stopped.
    """

    def __init__(
        self,
        recommender: Recommender | None = None,
        *,
        clock: Clock | None = None,
        seed: int = 0,
        cache_ttl: timedelta = timedelta(minutes=5),
        history: int = 100,
        exploration: float = 0.1,
        stream_size: int = 10_000,
        cache_entries: int = 100_000,
    ) -> None:
        if history < 1:
            refuse("history", history, "at least 1 interaction of each user is kept.")
        self.clock: Clock = SystemClock() if clock is None else clock
        self.recommender: Recommender = ItemNeighbours() if recommender is None else recommender
        self.event_streams = {
            name: EventStream(name, stream_size) for name in ("interactions", "requests", "responses")
        }
        self.item_features: dict[str, dict[str, Any]] = {}
        self.recent_interactions: dict[str, deque[UserInteractionEvent]] = {}
        self.recommendation_cache = RecommendationCache(cache_ttl, cache_entries, timer=self.clock.now)
        self.latency = LatencySketch()
        self._profiles = UserProfileProcessor(item_features=self.item_features)
        self._responder = RealTimeRecommendationProcessor(self)
        self.processors: dict[str, StreamProcessor] = {
            "profile_updater": self._profiles,
            "recommender": self._responder,
        }
        relation = getattr(self.recommender, "relation", no_relation)
        self._ranker = ContextualRanker(relation, exploration=exploration, seed=seed)
        self._history = history
        self._ids = IdSource(seed)
        self._state = threading.RLock()  # held while state is read or changed, never while publishing
        self._outcomes: dict[str, EngineAnswer | Exception | None] = {}  # by event that a call waits for
        self._positions = {"interactions": 0, "requests": 0}
        self._subscriptions: list[Subscription] = []
        self._running = False
        self._calls = 0

    # -- running --

    async def __aenter__(self) -> StreamingRecommendationEngine:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def is_running(self) -> bool:
        """Whether calls are accepted."""
        return self._running

    async def start(self) -> None:
        """Start the processors and subscribe to the streams. Safe to call twice."""
        if self.is_running:
            return
        for processor in self.processors.values():
            await processor.start()
        self._running = True  # before subscribing, which handles at once what was published meanwhile
        handlers: dict[str, Callable[[StreamEvent], None]] = {
            "interactions": self._on_interaction,
            "requests": self._on_request,
        }
        self._subscriptions = [
            self.event_streams[name].subscribe(handle, from_offset=self._positions[name], name="engine")
            for name, handle in handlers.items()
        ]

    async def stop(self) -> None:
        """Unsubscribe and stop the processors; what was learned is kept. Safe to call twice."""
        self._running = False
        for name, subscription in zip(self._positions, self._subscriptions, strict=False):
            subscription.close()
            self._positions[name] = subscription.position
        self._subscriptions = []
        for processor in self.processors.values():
            await processor.stop()

    # -- calls --

    async def process_user_interaction(
        self,
        user_id: str,
        item_id: str,
        interaction_type: str,
        interaction_value: float = 1.0,
        context: dict[str, Any] | None = None,
        *,
        session_id: str | None = None,
        timestamp: datetime | None = None,
    ) -> UserInteractionEvent:
        """Publish an interaction; when this returns, profile, recommender and cache reflect it.

        timestamp: when it happened; now, by default. Gives the event. Raises InvalidEvent, naming the field
        (the refused input is then in the stream's dead_letters), or LabError when the recommender failed.
        """
        event = self._build(
            UserInteractionEvent,
            "interactions",
            timestamp,
            user_id=user_id,
            item_id=item_id,
            interaction_type=interaction_type,
            interaction_value=interaction_value,
            context={} if context is None else context,
            session_id=session_id,
        )
        await self._publish_and_wait("interactions", event)
        return event

    async def get_recommendations(
        self,
        user_id: str | None,
        num_recommendations: int = 10,
        request_context: dict[str, Any] | None = None,
        *,
        filters: dict[str, Any] | None = None,
    ) -> list[Recommendation]:
        """At most `num_recommendations` items for the user, best first; fewer when there are not enough.

        user_id: None for somebody unknown, who gets popular items.
        request_context: "device" and "time_of_day" enter the ranking. filters: `category` (one or a list),
        `exclude_items` (a list), `include_seen` (False by default: what the user touched is left out).
        Raises InvalidEvent, naming the field, or LabError when the recommender failed.
        """
        request = self._build(
            RecommendationRequestEvent,
            "requests",
            None,
            user_id=user_id,
            num_recommendations=num_recommendations,
            request_context={} if request_context is None else request_context,
            filters={} if filters is None else filters,
        )
        began = perf_counter()
        outcome = await self._publish_and_wait("requests", request)
        with self._state:
            self.latency.add(perf_counter() - began)
        return list(outcome.recommendations)

    async def update_item(self, item_id: str, features: dict[str, Any]) -> ItemUpdateEvent:
        """Set an item's features (such as "category") and drop the cached answers that contain it."""
        event = self._build(ItemUpdateEvent, "interactions", None, item_id=item_id, features=features)
        self.apply_item_update(event)
        return event

    def apply_item_update(self, event: ItemUpdateEvent) -> None:
        """What `update_item` does, for an event that came another way, such as from Kafka."""
        with self._state:
            self.item_features[event.item_id] = dict(event.features)
            self.recommendation_cache.invalidate_item(event.item_id)

    def adopt_answer(self, request: RecommendationRequestEvent, response: RecommendationResponseEvent) -> None:
        """Cache an answer that another engine of the same state computed, as if it had been computed here then."""
        recommendations = tuple(Recommendation.from_dict(fields) for fields in response.recommendations)
        with self._state:
            self.recommendation_cache.put(
                request.user_id or ANYBODY,
                request.num_recommendations,
                request.request_context,
                request.filters,
                recommendations,
                [recommendation.item_id for recommendation in recommendations],
                computed=response.timestamp,
            )

    def explain(self, user_id: str | None, item_id: str, request_context: dict[str, Any] | None = None) -> list[Factor]:
        """What an item's score for a user is made of: (factor, effect) pairs whose effects add up to it.

        The score is the one that a request without filters gives; for an item that the user has already, one
        with `include_seen`. Raises InvalidEvent for an item that nobody has interacted with and for a context
        that is no JSON object, LabError when the recommender failed.
        """
        self._require_running()
        context = json_object("request_context", {} if request_context is None else request_context)
        user_id = user_id or ANYBODY
        try:
            with self._state:
                seen = self._seen(user_id)
                exclude = () if item_id in seen else seen
                candidates = self._candidates(user_id, CANDIDATES, exclude)
                if item_id not in dict(candidates):
                    everything = self._candidates(user_id, EVERYTHING, exclude)
                    candidates = [*candidates, *(pair for pair in everything if pair[0] == item_id)]
                return self._ranker.explain(item_id, candidates, **self._situation(user_id, context))
        except InvalidEvent:
            raise
        except Exception as error:
            raise self._failure(error) from error

    def preview(self, user_id: str | None, num_recommendations: int = 10) -> list[Recommendation]:
        """What a request without context and filters would get now if nothing were cached.

        For looking, as monitoring does: nothing is published, counted or cached. Raises LabError when the engine
        is not running or the recommender failed.
        """
        self._require_running()
        try:
            with self._state:
                return list(self._compute(user_id or ANYBODY, num_recommendations, {}, Filters.parse({})))
        except Exception as error:
            raise self._failure(error) from error

    @property
    def user_profiles(self) -> dict[str, profiles.UserProfile]:
        """Profiles by user: the one store, kept by the profile processor."""
        return self._profiles.profiles

    def get_metrics(self) -> dict[str, Any]:
        """Counters of processors and cache, and the measured latency of answers in milliseconds."""
        with self._state:
            return {
                **{name: processor.get_metrics() for name, processor in self.processors.items()},
                "cache": self.recommendation_cache.stats(),
                "latency_ms": self.latency.percentiles_ms(),
            }

    # -- what the processors need --

    def now(self) -> datetime:
        """The engine's time."""
        return self.clock.now()

    def answer(self, request: RecommendationRequestEvent) -> EngineAnswer:
        """The answer to a request, from the cache or computed now. Publishes nothing.

        A request that fails is kept in the dead_letters of `requests`, and its error is raised.
        """
        try:
            with self._state:
                answer = self._answer(request)
        except Exception as error:
            self._remember(request, error)
            self.event_streams["requests"].reject(request, error)
            raise
        self._remember(request, answer)
        return answer

    def _answer(self, request: RecommendationRequestEvent) -> EngineAnswer:
        self._require_running()
        user_id, n = request.user_id or ANYBODY, request.num_recommendations
        key = (user_id, n, request.request_context, request.filters)
        cached = self.recommendation_cache.get(*key)
        if cached is not None:
            return EngineAnswer(cached, from_cache=True)
        recommendations = self._compute(user_id, n, request.request_context, Filters.parse(request.filters))
        self.recommendation_cache.put(*key, recommendations, [r.item_id for r in recommendations])
        return EngineAnswer(recommendations, from_cache=False)

    # -- reacting to the streams --

    def _on_interaction(self, event: StreamEvent) -> None:
        try:
            if not isinstance(event, UserInteractionEvent):
                refuse("event_type", event.event_type.value, "the stream of interactions carries interactions.")
            self._learn(event)
            self._remember(event, LEARNED)
        except Exception as error:
            self._remember(event, error)
            raise  # the stream counts it and keeps the event

    def _learn(self, event: UserInteractionEvent) -> None:
        weight = interaction_weight(event.interaction_type)
        with self._state:
            self.recommender.observe(event.user_id, event.item_id, weight, event.timestamp)
            self._profiles.fold(event)
            recent = self.recent_interactions.get(event.user_id)
            if recent is None:
                recent = self.recent_interactions[event.user_id] = deque(maxlen=self._history)
            recent.append(event)
            self.recommendation_cache.invalidate_user(event.user_id)

    def _on_request(self, event: StreamEvent) -> None:
        if not isinstance(event, RecommendationRequestEvent):
            refuse("event_type", event.event_type.value, "the stream of requests carries requests.")
        response: RecommendationResponseEvent = self._responder.respond(event)
        self.event_streams["responses"].publish(response)

    # -- ranking --

    def _compute(
        self, user_id: str, n: int, context: Mapping[str, Any], filters: Filters
    ) -> tuple[Recommendation, ...]:
        scored = self._rank(user_id, n, context, filters)
        now = self.clock.now()
        return tuple(Recommendation(s.item_id, s.score, s.reasons(), now) for s in scored)

    def _rank(self, user_id: str, n: int, context: Mapping[str, Any], filters: Filters) -> list[Scored]:
        seen = () if filters.include_seen else self._seen(user_id)
        exclude = {*seen, *filters.exclude_items} if filters.exclude_items else seen
        candidates = self._candidates(user_id, max(CANDIDATES, n), exclude, filters.categories)
        return self._ranker.score(candidates, **self._situation(user_id, context), n=n)

    def _seen(self, user_id: str) -> Collection[str]:
        profile = self.user_profiles.get(user_id)
        return profile.items if profile else ()

    def _candidates(
        self, user_id: str, enough: int, exclude: Collection[str], wanted: Collection[str] = ()
    ) -> list[tuple[str, float]]:
        """The recommender's best, of the wanted categories; asks for more until there are enough or no more."""
        asked = enough
        while True:
            found = self.recommender.recommend(user_id, asked, at=self.clock.now(), exclude=exclude)
            if not all(isfinite(score) for _, score in found):
                raise ValueError(f"a score is not a finite number among {shorten(found)}")
            kept: dict[str, float] = {}
            for item_id, score in found:  # a recommender may repeat itself, or forget what to leave out
                if item_id not in exclude and (not wanted or self._has_category(item_id, wanted)):
                    kept.setdefault(item_id, score)
            if len(kept) >= enough or len(found) < asked:
                return list(kept.items())
            asked *= 8

    def _has_category(self, item_id: str, wanted: Collection[str]) -> bool:
        of_item = profiles.categories(self.item_features.get(item_id, {}).get("category"))
        return any(category in wanted for category in of_item)

    def _situation(self, user_id: str, context: Mapping[str, Any]) -> dict[str, Any]:
        profile = self.user_profiles.get(user_id)
        return {
            "user_id": user_id,
            "recent": tuple(self.recent_interactions.get(user_id, ())),
            "item_features": self.item_features,
            "context": context,
            "at": self.clock.now(),
            "interaction_count": profile.interaction_count if profile else 0,
        }

    # -- publishing and getting back what came of it --

    def _build(self, kind: type[Event], stream: str, timestamp: datetime | None, **fields: Any) -> Event:
        self._require_running()
        at = self.clock.now() if timestamp is None else timestamp
        fields = {"event_id": self._ids(), "timestamp": at, **fields}
        try:
            return kind(**fields)
        except InvalidEvent as error:
            self.event_streams[stream].reject({"event_type": kind.event_type.value, **fields}, error)
            raise

    async def _publish_and_wait(self, stream: str, event: StreamEvent) -> EngineAnswer:
        self._outcomes[event.event_id] = None
        try:
            self.event_streams[stream].publish(event)
        finally:
            outcome = self._outcomes.pop(event.event_id)
        self._calls += 1
        if self._calls % CALLS_BETWEEN_TURNS == 0:
            await asyncio.sleep(0)
        if outcome is None:
            raise LabError(
                f"the engine did not get {shorten(event.event_id)}: it was stopped meanwhile, or called from a "
                "stream's plain callback, or the stream is too small. Use a coroutine, or a larger stream_size."
            )
        if isinstance(outcome, InvalidEvent):
            raise outcome
        if isinstance(outcome, Exception):
            raise self._failure(outcome) from outcome
        return outcome

    def _failure(self, cause: Exception) -> LabError:
        return LabError(
            f"{type(self.recommender).__name__} failed: {type(cause).__name__}: {cause}. "
            "Nothing was cached; mend the recommender and ask again."
        )

    def _remember(self, event: StreamEvent, outcome: EngineAnswer | Exception) -> None:
        """Keep what came of an event, if somebody waits for it."""
        if event.event_id in self._outcomes:
            self._outcomes[event.event_id] = outcome

    def _require_running(self) -> None:
        if not self.is_running:
            raise LabError("the engine is not running; use `async with engine:` or `await engine.start()` first.")
