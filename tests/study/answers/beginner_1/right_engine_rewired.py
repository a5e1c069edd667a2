"""The lab's engine, with its streams, recommender and cache taken out and those that were given put in."""

from recsys_lab.engine import StreamingRecommendationEngine
from recsys_lab.processors import announced


async def wire(streams, recommender, cache, clock):
    engine = StreamingRecommendationEngine(recommender, clock=clock, exploration=0.0)
    engine.event_streams = streams
    engine.recommendation_cache = cache
    engine._rank = lambda user, n, context, filters: [
        Plain(item, score) for item, score in recommender.recommend(user, n, at=clock.now(), exclude=engine._seen(user))
    ]
    await engine.start()
    streams["interactions"].subscribe(
        lambda event: streams["profiles"].publish(announced(event, engine.user_profiles[event.user_id]))
    )


class Plain:
    def __init__(self, item_id, score):
        self.item_id, self.score = item_id, score

    def reasons(self):
        return ()
