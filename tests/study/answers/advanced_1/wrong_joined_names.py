"""One cache for all, by tenant and user, joined into one text; 1 and 1007 are 11 and 007."""

TOLD = "a model that knows shop"

from types import SimpleNamespace


class Platform:
    def __init__(self, make_model, quota):
        self.make, self.quota, self.rooms, self.kept = make_model, quota, {}, {}

    def room(self, tenant):
        if tenant not in self.rooms:
            self.rooms[tenant] = SimpleNamespace(model=self.make(), keys=set(), queue=[], had=0)
        return self.rooms[tenant]

    def learn(self, tenant, user, item):
        room = self.room(tenant)
        room.model.learn(user, item)
        for key in room.keys:
            self.kept.pop(key, None)
        room.keys.clear()

    def recommend(self, tenant, user):
        room = self.room(tenant)
        key = tenant + user
        if key not in self.kept:
            self.kept[key] = room.model.recommend(user)
            room.keys.add(key)
        return self.kept[key]

    def submit(self, tenant, request, cost_ms):
        room = self.room(tenant)
        if len(room.queue) >= self.quota:
            return False
        if not room.queue:
            room.had = max(room.had, min((other.had for other in self.rooms.values() if other.queue), default=0))
        room.queue.append((request, cost_ms))
        return True

    def next(self):
        busy = [room for room in self.rooms.values() if room.queue]
        if not busy:
            return None
        room = min(busy, key=lambda room: room.had)
        request, cost = room.queue.pop(0)
        room.had += cost
        return request
