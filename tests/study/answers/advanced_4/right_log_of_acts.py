"""Every act has a name of its own, and state is the set of all acts: what is known is known once."""


class Replica:
    def __init__(self, region, recommend):
        self.region, self.recommend = region, recommend
        self.acts, self.kept = {}, {}

    def apply(self, act):
        seen = frozenset(
            name for name, (other, _) in self.acts.items() if (other.kind, other.what) == ("wish", act.what)
        )
        self.acts[self.region, len(self.acts), act.at_ms] = act, seen
        self.kept.pop(act.user, None)

    def state(self):
        return dict(self.acts)

    def merge(self, state):
        for name in state.keys() - self.acts.keys():
            self.acts[name] = state[name]
            self.kept.pop(state[name][0].user, None)

    def answer(self, user):
        if user not in self.kept:
            self.kept[user] = self.recommend(self.profile(user))
        return self.kept[user]

    def profile(self, user):
        own = {name: pair for name, pair in self.acts.items() if pair[0].user == user}
        views, wishes, languages, gone = {}, set(), [], set()
        for act, seen in own.values():
            if act.kind == "unwish":
                gone |= seen
        for name, (act, _) in own.items():
            if act.kind == "view":
                views[act.what] = views.get(act.what, 0) + 1
            elif act.kind == "wish" and name not in gone:
                wishes.add(act.what)
            elif act.kind == "language":
                languages.append((act.at_ms, name[0], act.what))
        return {"views": views, "wishes": sorted(wishes), "language": max(languages)[2] if languages else None}

    def promises(self):
        return dict(every_s=1.5, copies=2, rpo_s=0.0, rto_s=4)
