"""Answers are kept by user; the other tenant has an ann too."""

TOLD = "a model that knows"


class Platform:
    def __init__(self, make_model, quota):
        self.models, self.cache, self.make, self.quota = {}, {}, make_model, quota
        self.queues = {}

    def learn(self, tenant, user, item):
        self.models.setdefault(tenant, self.make()).learn(user, item)
        self.cache.clear()

    def recommend(self, tenant, user):
        if user not in self.cache:
            self.cache[user] = self.models.setdefault(tenant, self.make()).recommend(user)
        return self.cache[user]

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
