"""Who had least of the server since the beginning is next: who rested has saved up a lot."""

TOLD = "blue does so from second 8 on:"


class Platform:
    def __init__(self, make_model, quota):
        self.models, self.cache, self.make, self.quota = {}, {}, make_model, quota
        self.queues = {}
        self.had = {}

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
        waiting = [(self.had.get(tenant, 0), tenant) for tenant, queue in self.queues.items() if queue]
        if not waiting:
            return None
        had, tenant = min(waiting)
        request, cost_ms = self.queues[tenant].pop(0)
        self.had[tenant] = had + cost_ms
        return request
