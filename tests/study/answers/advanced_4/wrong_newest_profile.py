"""The newest profile of a user replaces the older one as a whole."""

TOLD = "views in two regions at once:"


class Replica:
    def __init__(self, region, recommend):
        self.region, self.recommend, self.profiles, self.kept = region, recommend, {}, {}

    def apply(self, act):
        _, profile = self.profiles.get(act.user, ((0, ""), {"views": {}, "wishes": set(), "language": None}))
        if act.kind == "view":
            profile["views"][act.what] = profile["views"].get(act.what, 0) + 1
        elif act.kind == "wish":
            profile["wishes"].add(act.what)
        elif act.kind == "unwish":
            profile["wishes"].discard(act.what)
        else:
            profile["language"] = act.what
        self.profiles[act.user] = ((act.at_ms, self.region), profile)
        self.kept.pop(act.user, None)

    def state(self):
        return self.profiles

    def merge(self, state):
        for user, (when, profile) in state.items():
            if user not in self.profiles or when > self.profiles[user][0]:
                self.profiles[user] = (when, profile)
                self.kept.pop(user, None)

    def answer(self, user):
        if user not in self.kept:
            empty = {"views": {}, "wishes": set(), "language": None}
            self.kept[user] = self.recommend(self.profiles[user][1] if user in self.profiles else empty)
        return self.kept[user]

    def promises(self):
        return {"every_s": 2, "copies": 2, "rpo_s": 0, "rto_s": 5}
