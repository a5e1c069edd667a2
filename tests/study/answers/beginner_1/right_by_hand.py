"""No processors: responses and profiles by hand; three subscribers of interactions, each with one task."""

from recsys_lab import profiles
from recsys_lab.events import RecommendationResponseEvent, UserProfileUpdateEvent, interaction_weight


def wire(streams, recommender, cache, clock):
    known = {}

    def learn(event):
        weight = interaction_weight(event.interaction_type)
        recommender.observe(event.user_id, event.item_id, weight, event.timestamp)

    def remember(event):
        before = known.get(event.user_id) or profiles.new(event.user_id)
        known[event.user_id] = profiles.update(before, event)
        streams["profiles"].publish(
            UserProfileUpdateEvent(
                event_id=f"profile-{event.event_id}",
                timestamp=clock.now(),
                user_id=event.user_id,
                profile=known[event.user_id].to_dict(),
            )
        )

    def answer(request):
        user, number = request.user_id, request.num_recommendations
        items = cache.get(user, number, request.request_context, request.filters)
        from_cache = items is not None
        if not from_cache:
            seen = set(known[user].items) if user in known else set()
            found = recommender.recommend(user, number + len(seen), at=request.timestamp)
            items = [item for item, _ in found if item not in seen][:number]
            cache.put(user, number, request.request_context, request.filters, items, items)
        return [{"item_id": item} for item in items], from_cache

    def respond(request):
        try:
            recommendations, from_cache = answer(request)
        except Exception:
            recommendations, from_cache = [], False
        streams["responses"].publish(
            RecommendationResponseEvent(
                event_id=f"answer-to-{request.event_id}",
                timestamp=clock.now(),
                user_id=request.user_id,
                request_id=request.event_id,
                recommendations=recommendations,
                from_cache=from_cache,
            )
        )

    streams["interactions"].subscribe(learn)
    streams["interactions"].subscribe(remember)
    streams["profiles"].subscribe(lambda update: cache.invalidate_user(update.user_id))
    streams["requests"].subscribe(respond)
