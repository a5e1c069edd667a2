"""Answers are kept without the context that they were asked in."""

from recsys_lab.engine import EngineAnswer, Recommendation
from recsys_lab.events import interaction_weight
from recsys_lab.processors import RealTimeRecommendationProcessor, UserProfileProcessor, announced

TOLD = "may not: the same was not asked before. What happened: ann asks for 3; ann asks for 3 with the context device=phone"


class Engine:
    def __init__(self, recommender, cache, clock, users):
        self.recommender, self.cache, self.clock, self.users = recommender, cache, clock, users

    def now(self):
        return self.clock.now()

    def answer(self, request):
        key = (request.user_id, request.num_recommendations, {}, request.filters)
        kept = self.cache.get(*key)
        if kept is not None:
            return EngineAnswer(kept, from_cache=True)
        profile = self.users.get_user_profile(request.user_id)
        seen = profile.items if profile else ()
        found = self.recommender.recommend(request.user_id, request.num_recommendations, at=self.now(), exclude=seen)
        answer = tuple(Recommendation(item, score, (), self.now()) for item, score in found)
        self.cache.put(*key, answer, [item for item, _ in found])
        return EngineAnswer(answer, from_cache=False)


def wire(streams, recommender, cache, clock):
    users = UserProfileProcessor()
    responder = RealTimeRecommendationProcessor(Engine(recommender, cache, clock, users))

    def on_interaction(event):
        weight = interaction_weight(event.interaction_type)
        recommender.observe(event.user_id, event.item_id, weight, event.timestamp)
        profile = users.fold(event)
        cache.invalidate_user(event.user_id)
        streams["profiles"].publish(announced(event, profile))

    def on_request(request):
        streams["responses"].publish(responder.respond(request))

    streams["interactions"].subscribe(on_interaction)
    streams["requests"].subscribe(on_request)
