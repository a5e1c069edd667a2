"""Each tenant has its turn, also when it has nothing to do, and the server rests."""

TOLD = "the server is free and next() gives None, but"


class Platform:
    def __init__(self, make_model, quota):
        self.models, self.cache, self.make, self.quota = {}, {}, make_model, quota
        self.queues = {}
        self.turn = 0

    def learn(self, tenant, user, item):
        self.models.setdefault(tenant, self.make()).learn(user, item)
        self.cache.pop(tenant, None)

    def recommend(self, tenant, user):
        kept = self.cache.setdefault(tenant, {})
        if user not in kept:
            kept[user] = self.models.setdefault(tenant, self.make()).recommend(user)
        return kept[user]

    def submit(self, tenant, request, cost_ms):
        queue = self.queues.setdefault(tenant, [])
        if len(queue) >= self.quota:
            return False
        queue.append((request, cost_ms))
        return True

    def next(self):
        names = sorted(self.queues)
        if not names:
            return None
        self.turn = (self.turn + 1) % len(names)
        queue = self.queues[names[self.turn]]
        return queue.pop(0)[0] if queue else None
