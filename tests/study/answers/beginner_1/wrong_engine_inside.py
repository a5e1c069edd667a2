"""A short-cut: a whole engine with streams and a cache of its own is called; the cache that was given sees nothing."""

from recsys_lab.engine import StreamingRecommendationEngine
from recsys_lab.events import RecommendationResponseEvent
from recsys_lab.processors import announced

TOLD = "the one you were given had no hit"


async def wire(streams, recommender, cache, clock):
    engine = StreamingRecommendationEngine(recommender, clock=clock, exploration=0.0)
    await engine.start()

    async def on_interaction(event):
        await engine.process_user_interaction(
            event.user_id, event.item_id, event.interaction_type, timestamp=event.timestamp
        )
        streams["profiles"].publish(announced(event, engine.user_profiles[event.user_id]))

    async def on_request(request):
        found = await engine.get_recommendations(request.user_id, request.num_recommendations)
        inner = engine.event_streams["responses"].get_recent_events(1)[0]
        streams["responses"].publish(
            RecommendationResponseEvent(
                event_id=f"{request.event_id}-response",
                timestamp=clock.now(),
                user_id=request.user_id,
                request_id=request.event_id,
                recommendations=[each.to_dict() for each in found],
                from_cache=inner.from_cache,
            )
        )

    streams["interactions"].subscribe(on_interaction)
    streams["requests"].subscribe(on_request)
