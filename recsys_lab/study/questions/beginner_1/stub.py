async def wire(streams, recommender, cache, clock):
    """Subscribe to the streams, so that each request is answered from all that happened before it.

    streams: EventStreams by name: interactions, profiles, requests, responses. clock.now() is the time.
    """
    return ...
