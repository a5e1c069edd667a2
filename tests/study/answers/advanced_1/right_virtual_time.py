"""Start-time fair queueing: each request gets a start tag in virtual time; the smallest is next."""

from collections import defaultdict


class Platform:
    def __init__(self, make_model, quota):
        self.models = defaultdict(make_model)
        self.cache = {}
        self.version = defaultdict(int)
        self.quota = quota
        self.queues = defaultdict(list)
        self.last = defaultdict(float)
        self.now = 0.0

    def learn(self, tenant, user, item):
        self.models[tenant].learn(user, item)
        self.version[tenant] += 1

    def recommend(self, tenant, user):
        kept = self.cache.get((tenant, user))
        if kept is None or kept[0] != self.version[tenant]:
            kept = self.version[tenant], self.models[tenant].recommend(user)
            self.cache[tenant, user] = kept
        return list(kept[1])

    def submit(self, tenant, request, cost_ms):
        if len(self.queues[tenant]) == self.quota:
            return False
        start = max(self.now, self.last[tenant])
        self.last[tenant] = start + cost_ms
        self.queues[tenant].append((start, request))
        return True

    def next(self):
        waiting = [(queue[0][0], tenant) for tenant, queue in self.queues.items() if queue]
        if not waiting:
            return None
        self.now, tenant = min(waiting)
        return self.queues[tenant].pop(0)[1]
