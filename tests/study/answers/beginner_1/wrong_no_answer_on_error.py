"""When the recommender fails, the callback fails with it, and whoever asked waits for ever."""

from recsys_lab.events import RecommendationResponseEvent, interaction_weight
from recsys_lab.processors import UserProfileProcessor, announced

TOLD = "a recommender that fails for one user: after “eve asks for 3” the stream responses has 0 more events; 1 is due"


def wire(streams, recommender, cache, clock):
    users = UserProfileProcessor()

    def on_interaction(event):
        weight = interaction_weight(event.interaction_type)
        recommender.observe(event.user_id, event.item_id, weight, event.timestamp)
        streams["profiles"].publish(announced(event, users.fold(event)))
        cache.invalidate_user(event.user_id)

    def on_request(request):
        key = (request.user_id, request.num_recommendations, request.request_context, request.filters)
        kept = cache.get(*key)
        if kept is None:
            profile = users.get_user_profile(request.user_id)
            seen = profile.items if profile else {}
            found = recommender.recommend(request.user_id, request.num_recommendations, at=clock.now(), exclude=seen)
            cache.put(*key, found, [item for item, _ in found])
        streams["responses"].publish(
            RecommendationResponseEvent(
                event_id=f"{request.event_id}-response",
                timestamp=clock.now(),
                user_id=request.user_id,
                request_id=request.event_id,
                recommendations=[{"item_id": item, "score": score} for item, score in kept or found],
                from_cache=kept is not None,
            )
        )

    streams["interactions"].subscribe(on_interaction)
    streams["requests"].subscribe(on_request)
