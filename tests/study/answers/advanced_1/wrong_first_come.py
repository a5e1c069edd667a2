"""One queue for all, with a quota for each tenant."""

TOLD = "which asks for little, took"


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
        if sum(each[0] == tenant for each in self.queue) >= self.quota:
            return False
        self.queue.append((tenant, request))
        return True

    def next(self):
        return self.queue.pop(0)[1] if self.queue else None
