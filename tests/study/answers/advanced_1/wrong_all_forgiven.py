"""Who comes back from a rest, however short, begins at zero, before all who have been waiting."""

TOLD = "its queue runs empty now and then:"

from types import SimpleNamespace


class Platform:
    def __init__(self, make_model, quota):
        self.make, self.quota, self.rooms = make_model, quota, {}

    def room(self, tenant):
        if tenant not in self.rooms:
            self.rooms[tenant] = SimpleNamespace(model=self.make(), kept={}, queue=[], had=0)
        return self.rooms[tenant]

    def learn(self, tenant, user, item):
        room = self.room(tenant)
        room.model.learn(user, item)
        room.kept = {}

    def recommend(self, tenant, user):
        room = self.room(tenant)
        if user not in room.kept:
            room.kept[user] = room.model.recommend(user)
        return room.kept[user]

    def submit(self, tenant, request, cost_ms):
        room = self.room(tenant)
        if len(room.queue) >= self.quota:
            return False
        if not room.queue:
            room.had = 0
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
