"""Wishes without tombstones: live tags, and for each region how far its tags are known; a known tag that is not live
was taken back. Counts by region; registers that keep the greater of two."""

import copy


def fresh():
    return {"views": {}, "live": {}, "seen": {}, "language": (0, "", None)}


class Replica:
    def __init__(self, region, recommend):
        self.region, self.recommend = region, recommend
        self.users, self.cache = {}, {}

    def apply(self, act):
        self.cache.pop(act.user, None)
        user = self.users.setdefault(act.user, fresh())
        if act.kind == "view":
            place = (act.what, self.region)
            user["views"][place] = user["views"].get(place, 0) + 1
        if act.kind == "wish":
            number = user["seen"].get(self.region, 0) + 1
            user["seen"][self.region] = number
            user["live"][self.region, number] = act.what
        if act.kind == "unwish":
            user["live"] = {tag: item for tag, item in user["live"].items() if item != act.what}
        if act.kind == "language":
            user["language"] = max(user["language"], (act.at_ms, self.region, act.what))

    def state(self):
        return copy.deepcopy(self.users)

    def merge(self, state):
        for name, theirs in state.items():
            ours = self.users.setdefault(name, fresh())
            before = copy.deepcopy(ours)
            for place, count in theirs["views"].items():
                ours["views"][place] = max(count, ours["views"].get(place, 0))
            live = {}
            for mine, other in ((ours, theirs), (theirs, ours)):
                for (region, number), item in mine["live"].items():
                    if (region, number) in other["live"] or number > other["seen"].get(region, 0):
                        live[region, number] = item
            ours["live"] = live
            for region, number in theirs["seen"].items():
                ours["seen"][region] = max(number, ours["seen"].get(region, 0))
            ours["language"] = max(ours["language"], theirs["language"], key=lambda it: it[:2])
            if ours != before:
                self.cache.pop(name, None)

    def answer(self, name):
        if name not in self.cache:
            user = self.users.get(name, fresh())
            views = {}
            for (item, _), count in user["views"].items():
                views[item] = views.get(item, 0) + count
            self.cache[name] = self.recommend(
                {"views": views, "wishes": set(user["live"].values()), "language": user["language"][2]}
            )
        return self.cache[name]

    def promises(self):
        return {"every_s": 3, "copies": 2, "rpo_s": 0, "rto_s": 8}
