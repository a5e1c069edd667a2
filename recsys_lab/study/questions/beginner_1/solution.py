"""Two subscriptions: one lets three parts react to what users do, the other turns a request into a response."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from recsys_lab.clock import Clock
from recsys_lab.engine import EngineAnswer, Recommendation
from recsys_lab.events import RecommendationRequestEvent, StreamEvent, UserInteractionEvent, interaction_weight
from recsys_lab.processors import RealTimeRecommendationProcessor, UserProfileProcessor, announced
from recsys_lab.recommend import RecommendationCache, Recommender
from recsys_lab.streams import EventStream


class Engine:
    """What a RealTimeRecommendationProcessor needs: a time, and answers."""

    def __init__(self, recommender: Recommender, cache: RecommendationCache, clock: Clock, users: Any) -> None:
        self._recommender, self._cache, self._clock, self._users = recommender, cache, clock, users

    def now(self) -> datetime:
        return self._clock.now()

    def answer(self, request: RecommendationRequestEvent) -> EngineAnswer:
        user, n = request.user_id or "", request.num_recommendations
        key = (user, n, request.request_context, request.filters)
        kept = self._cache.get(*key)
        if kept is not None:
            return EngineAnswer(kept, from_cache=True)
        profile = self._users.get_user_profile(user)
        found = self._recommender.recommend(user, n, at=self.now(), exclude=profile.items if profile else ())
        answer = tuple(Recommendation(item, score, (), self.now()) for item, score in found)
        self._cache.put(*key, answer, [item for item, _ in found])
        return EngineAnswer(answer, from_cache=False)


async def wire(
    streams: Mapping[str, EventStream], recommender: Recommender, cache: RecommendationCache, clock: Clock
) -> None:
    """Subscribe to the streams, so that each request is answered from all that happened before it."""
    users = UserProfileProcessor()
    responder = RealTimeRecommendationProcessor(Engine(recommender, cache, clock, users))

    def on_interaction(event: StreamEvent) -> None:
        assert isinstance(event, UserInteractionEvent)
        weight = interaction_weight(event.interaction_type)
        recommender.observe(event.user_id, event.item_id, weight, event.timestamp)
        profile = users.fold(event)
        cache.invalidate_user(event.user_id)
        streams["profiles"].publish(announced(event, profile))

    def on_request(event: StreamEvent) -> None:
        assert isinstance(event, RecommendationRequestEvent)
        streams["responses"].publish(responder.respond(event))

    streams["interactions"].subscribe(on_interaction)
    streams["requests"].subscribe(on_request)
