"""A message is a line of JSON; a wish is a tag that is true until somebody takes it back."""

import json


class Replica:
    def __init__(self, region, recommend):
        self.region, self.recommend = region, recommend
        self.users, self.kept = {}, {}

    def user(self, name):
        return self.users.setdefault(name, {"views": {}, "wishes": {}, "language": [-1, "", ""]})

    def apply(self, act):
        own = self.user(act.user)
        if act.kind == "view":
            counts = own["views"].setdefault(act.what, {})
            counts[self.region] = counts.get(self.region, 0) + 1
        elif act.kind == "wish":
            own["wishes"].setdefault(act.what, {})[f"{act.at_ms} {self.region}"] = True
        elif act.kind == "unwish":
            own["wishes"][act.what] = dict.fromkeys(own["wishes"].get(act.what, {}), False)
        else:
            own["language"] = max(own["language"], [act.at_ms, self.region, act.what])

    def state(self):
        return json.dumps(self.users)

    def merge(self, state):
        for name, theirs in json.loads(state).items():
            own = self.user(name)
            for item, counts in theirs["views"].items():
                ours = own["views"].setdefault(item, {})
                ours |= {region: max(count, ours.get(region, 0)) for region, count in counts.items()}
            for item, tags in theirs["wishes"].items():
                ours = own["wishes"].setdefault(item, {})
                ours |= {tag: wished and ours.get(tag, True) for tag, wished in tags.items()}
            own["language"] = max(own["language"], theirs["language"])

    def answer(self, user):
        own = self.user(user)
        profile = {
            "views": {item: sum(counts.values()) for item, counts in own["views"].items()},
            "wishes": {item for item, tags in own["wishes"].items() if any(tags.values())},
            "language": own["language"][2] or None,
        }
        if user not in self.kept or self.kept[user][0] != profile:
            self.kept[user] = profile, self.recommend(profile)
        return self.kept[user][1]

    def promises(self):
        return {"every_s": 1, "copies": 2, "rpo_s": 0, "rto_s": 10}
