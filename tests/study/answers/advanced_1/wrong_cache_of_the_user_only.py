"""Only the answers of the user who did something are dropped; the others' are of yesterday."""

TOLD = "alone recommends"


class Platform:
    def __init__(self, make_model, quota):
        self.models, self.cache, self.make, self.quota = {}, {}, make_model, quota
        self.queues = {}

    def learn(self, tenant, user, item):
        self.models.setdefault(tenant, self.make()).learn(user, item)
        self.cache.get(tenant, {}).pop(user, None)

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
        for tenant in list(self.queues):
            queue = self.queues.pop(tenant)
            self.queues[tenant] = queue
            if queue:
                return queue.pop(0)[0]
        return None
