"""The model is asked every time."""

TOLD = "but a model was asked again"


class Platform:
    def __init__(self, make_model, quota):
        self.models, self.cache, self.make, self.quota = {}, {}, make_model, quota
        self.queues = {}

    def learn(self, tenant, user, item):
        self.models.setdefault(tenant, self.make()).learn(user, item)
        self.cache.pop(tenant, None)

    def recommend(self, tenant, user):
        return self.models.setdefault(tenant, self.make()).recommend(user)

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
