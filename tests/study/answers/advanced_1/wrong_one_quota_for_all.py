"""The quota is of the whole queue, so that one tenant can fill it for everybody."""

TOLD = "the quota is 50, and submit gives False for one more"


class Platform:
    def __init__(self, make_model, quota):
        self.models, self.cache, self.make, self.quota = {}, {}, make_model, quota
        self.queue = []

    def learn(self, tenant, user, item):
        self.models.setdefault(tenant, self.make()).learn(user, item)
        self.cache.pop(tenant, None)

    def recommend(self, tenant, user):
        kept = self.cache.setdefault(tenant, {})
        if user not in kept:
            kept[user] = self.models.setdefault(tenant, self.make()).recommend(user)
        return kept[user]

    def submit(self, tenant, request, cost_ms):
        if len(self.queue) >= self.quota:
            return False
        self.queue.append(request)
        return True

    def next(self):
        return self.queue.pop(0) if self.queue else None
