"""Everything asynchronous: processors are started and awaited, and requests wait in a queue for a worker task."""

import asyncio

from recsys_lab.engine import EngineAnswer, Recommendation
from recsys_lab.events import interaction_weight
from recsys_lab.processors import RealTimeRecommendationProcessor, UserProfileProcessor


class Answers:
    def __init__(self, recommender, cache, clock, users):
        self.recommender, self.cache, self.now, self.users = recommender, cache, clock.now, users

    def answer(self, request):
        where = (request.user_id, request.num_recommendations, request.request_context, request.filters)
        kept = self.cache.get(*where)
        if kept is None:
            profile = self.users.profiles.get(request.user_id)
            pairs = self.recommender.recommend(*where[:2], at=self.now(), exclude=profile.items if profile else [])
            answer = [Recommendation(item_id, score, (), self.now()) for item_id, score in pairs]
            self.cache.put(*where, answer, dict(pairs))
            return EngineAnswer(tuple(answer), False)
        return EngineAnswer(kept, True)


async def wire(streams, recommender, cache, clock):
    users = UserProfileProcessor()
    responder = RealTimeRecommendationProcessor(Answers(recommender, cache, clock, users))
    await asyncio.gather(users.start(), responder.start())
    waiting = asyncio.Queue()

    async def on_interaction(event):
        weight = interaction_weight(event.interaction_type)
        recommender.observe(event.user_id, event.item_id, weight, event.timestamp)
        update = await users.process_event(event)
        cache.invalidate_user(event.user_id)
        streams["profiles"].publish(update)

    async def work():
        while True:
            request = await waiting.get()
            streams["responses"].publish(await responder.process_event(request))

    streams["interactions"].subscribe(on_interaction)
    streams["requests"].subscribe(waiting.put)
    wire.worker = asyncio.create_task(work())
