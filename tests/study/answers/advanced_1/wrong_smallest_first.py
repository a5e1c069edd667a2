"""The quickest request is next: a flood of small ones holds all others up."""

TOLD = "red sends very many small requests:"


class Platform:
    def __init__(self, make_model, quota):
        self.models, self.cache, self.make, self.quota = {}, {}, make_model, quota
        self.queues = {}

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
        waiting = [(queue[0][1], tenant) for tenant, queue in self.queues.items() if queue]
        if not waiting:
            return None
        _, tenant = min(waiting)
        return self.queues[tenant].pop(0)[0]
