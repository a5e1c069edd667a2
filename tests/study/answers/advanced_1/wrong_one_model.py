"""One model for all, with users named after their tenant: profiles are apart, but items are counted together."""

TOLD = "alone recommends"


class Platform:
    def __init__(self, make_model, quota):
        self.model, self.cache, self.quota = make_model(), {}, quota
        self.queues = {}

    def learn(self, tenant, user, item):
        self.model.learn(f"{tenant}/{user}", item)
        self.cache.clear()

    def recommend(self, tenant, user):
        if (tenant, user) not in self.cache:
            self.cache[tenant, user] = self.model.recommend(f"{tenant}/{user}")
        return self.cache[tenant, user]

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
