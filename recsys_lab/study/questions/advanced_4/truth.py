"""What a region should know, from the list of the writes that have come to it: no state, nothing to merge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from recsys_lab.errors import shorten
from recsys_lab.experiments.replicas import Written
from recsys_lab.study.report import NotYet

Profile = tuple[tuple[tuple[str, int], ...], tuple[str, ...], str | None]
"""views by item, wished items, language; each in order."""


def truth(written: Sequence[Written], known: Collection[int], user: str) -> Profile:
    """A user's profile from the known writes alone.

    A wish counts unless it was taken back by somebody who had seen it. The latest language counts; of equal times, that
    of the region whose name is later in the alphabet.
    """
    own = [(number, written[number]) for number in sorted(known) if written[number].act.user == user]
    views = Counter(write.act.what for _, write in own if write.act.kind == "view")
    taken_back = {(write.act.what, number) for _, write in own if write.act.kind == "unwish" for number in write.seen}
    wishes = {
        write.act.what for number, write in own
        if write.act.kind == "wish" and (write.act.what, number) not in taken_back
    }  # fmt: skip
    languages = [(write.act.at_ms, write.region, write.act.what) for _, write in own if write.act.kind == "language"]
    return tuple(sorted(views.items())), tuple(sorted(wishes)), max(languages)[2] if languages else None


def as_profile(handed: Any) -> Profile:
    """What an answer handed to `recommend`, in the same form. Raises NotYet where it is no profile."""
    if not isinstance(handed, Mapping) or not {"views", "wishes", "language"} <= handed.keys():
        raise NotYet(f"recommend was handed {shorten(handed)}; a dict with views, wishes and language is needed.")
    views, wishes, language = handed["views"], handed["wishes"], handed["language"]
    if not isinstance(views, Mapping) or not isinstance(wishes, (set, frozenset, list, tuple)):
        raise NotYet(f"views is {shorten(views)} and wishes {shorten(wishes)}; a dict and a set of items are needed.")
    counted = tuple(sorted((item, count) for item, count in views.items() if count))
    return counted, tuple(sorted(set(wishes))), language


def told(profile: Any) -> str:
    """In words."""
    if not isinstance(profile, tuple) or len(profile) != 3:
        return shorten(profile)
    views, wishes, language = profile
    seen = ", ".join(f"{item} {count}" for item, count in views) or "none"
    return f"views: {seen}; wishes: {', '.join(wishes) or 'none'}; language: {language or 'none'}"
