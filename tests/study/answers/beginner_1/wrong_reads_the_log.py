"""A short-cut: nobody listens to interactions; the log is read, and all computed from it, when somebody asks."""

from recsys_lab.events import RecommendationResponseEvent, interaction_weight

TOLD = "the recommender had been told of 0 interactions; 1 is due"


def wire(streams, recommender, cache, clock):
    def on_request(request):
        seen = set()
        for event in streams["interactions"].get_recent_events(1000):
            weight = interaction_weight(event.interaction_type)
            recommender.observe(event.user_id, event.item_id, weight, event.timestamp)
            if event.user_id == request.user_id:
                seen.add(event.item_id)
        found = recommender.recommend(request.user_id, request.num_recommendations, at=clock.now(), exclude=seen)
        streams["responses"].publish(
            RecommendationResponseEvent(
                event_id=f"{request.event_id}-response",
                timestamp=clock.now(),
                user_id=request.user_id,
                request_id=request.event_id,
                recommendations=[{"item_id": item, "score": score} for item, score in found],
            )
        )

    streams["requests"].subscribe(on_request)
