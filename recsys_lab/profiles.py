"""User profiles: everything a user did, folded into one value.

`update(profile, interaction)` takes a profile and one event and gives the next profile. It reads no clock,
writes nothing and leaves the old profile as it was, so the same function builds profiles in memory, from a
Kafka topic, in a dataflow, and from a list in a test. A replay is `functools.reduce(update, events, new(user))`.

Sessions. An event with a session id belongs to the session of that name. One without joins the user's
latest session when at most 30 minutes from its activity, else it starts a new one. "Latest" is meant at the
event's own time, so an event that arrives late joins the session it belonged to, and may close the gap
between two.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from recsys_lab.checks import name as named_text
from recsys_lab.checks import refuse
from recsys_lab.errors import InvalidEvent, shorten
from recsys_lab.events import UserInteractionEvent, interaction_weight

SESSION_GAP = timedelta(minutes=30)
SESSIONS_KEPT = 1_000
"""Of each user; older ones live on in the counts only, so that a profile stays bounded."""

_Time = Annotated[datetime, msgspec.Meta(tz=True)]
_Count = Annotated[int, msgspec.Meta(ge=0)]
_Seconds = Annotated[float, msgspec.Meta(ge=0)]
_LARGEST = sys.float_info.max


class Session(msgspec.Struct, frozen=True):
    """One visit. name: the session id its events carried, or None. start, end: first and last activity."""

    name: str | None
    start: _Time
    end: _Time


class UserProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a user.

    preferred_categories: category → summed weight × value of the interactions. interaction_types: type →
    count. items: item → count, in order of first interaction. last_activity: latest event time, whatever
    the order of arrival. sessions: the latest, by last activity; closed_*: the sums over older ones.
    """

    user_id: str
    interaction_count: _Count = 0
    preferred_categories: dict[str, float] = {}
    interaction_types: dict[str, _Count] = {}
    items: dict[str, _Count] = {}
    last_activity: _Time | None = None
    sessions: tuple[Session, ...] = ()
    closed_sessions: _Count = 0
    closed_seconds: _Seconds = 0.0
    version: int = 1

    @property
    def session_count(self) -> int:
        """How many sessions the user had."""
        return self.closed_sessions + len(self.sessions)

    @property
    def avg_session_length(self) -> float:
        """Mean time from a session's first to its last activity, in seconds; 0.0 with no session."""
        if not self.session_count:
            return 0.0
        seconds = sum((session.end - session.start).total_seconds() for session in self.sessions)
        return (self.closed_seconds + seconds) / self.session_count

    def to_dict(self) -> dict[str, Any]:
        """The profile as JSON values, with `session_count` and `avg_session_length`."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        plain["sessions"] = list(plain["sessions"])
        return {**plain, "session_count": self.session_count, "avg_session_length": self.avg_session_length}


def new(user_id: str) -> UserProfile:
    """The profile of a user who has done nothing yet: the start of the fold."""
    return UserProfile(user_id=user_id)


def from_dict(fields: dict[str, Any]) -> UserProfile:
    """The profile that `to_dict` described. Raises InvalidEvent for anything else, or a newer version."""
    if isinstance(fields, dict) and fields.get("version", 1) != 1:
        refuse("profile.version", fields["version"], "this lab reads version 1. Update the lab.")
    try:
        profile = msgspec.convert(fields, UserProfile)
    except (msgspec.ValidationError, UnicodeError) as error:
        raise InvalidEvent(f"profile cannot be read: {error}. Rebuild it from the interactions.") from error
    _check_sums(profile)
    return profile


def update(
    profile: UserProfile, interaction: UserInteractionEvent, *, category: str | list[str] | None = None
) -> UserProfile:
    """The profile after one more interaction; the profile given stays as it is.

    category: of the item, where its features are known; else the event's own `data` or `context` is asked.
    Raises InvalidEvent when the interaction is another user's.
    """
    if interaction.user_id != profile.user_id:
        refuse("user_id", interaction.user_id, f"this is the profile of {shorten(profile.user_id)}.")
    at = interaction.timestamp
    sessions = _join(profile.sessions, interaction.session_id, at)
    surplus = len(sessions) - SESSIONS_KEPT
    closed = sessions[:surplus] if surplus > 0 else ()
    return UserProfile(
        user_id=profile.user_id,
        interaction_count=profile.interaction_count + 1,
        preferred_categories=_with_preference(profile.preferred_categories, interaction, category),
        interaction_types=_plus_one(profile.interaction_types, interaction.interaction_type),
        items=_plus_one(profile.items, interaction.item_id),
        last_activity=at if profile.last_activity is None else max(profile.last_activity, at),
        sessions=sessions[len(closed) :],
        closed_sessions=profile.closed_sessions + len(closed),
        closed_seconds=profile.closed_seconds + sum((s.end - s.start).total_seconds() for s in closed),
    )


def categories(value: object) -> tuple[str, ...]:
    """The categories named by a feature that may be one text, several, or anything else (then none)."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, (list, tuple)):
        return tuple(name for name in value if isinstance(name, str))
    return ()


def told_categories(interaction: UserInteractionEvent) -> tuple[str, ...]:
    """The categories that an interaction itself names: in its `data`, else in its `context`."""
    return categories(interaction.data.get("category")) or categories(interaction.context.get("category"))


def _check_sums(profile: UserProfile) -> None:
    """Refuse figures that no fold can have led to."""
    named_text("profile.user_id", profile.user_id)
    count, remedy = profile.interaction_count, "Rebuild it from the interactions."
    for counts in (profile.interaction_types, profile.items):
        if sum(counts.values()) != count:
            refuse("profile.interaction_count", count, f"its counts are {shorten(counts)}. {remedy}")
    if (profile.last_activity is None) != (count == 0):
        refuse("profile.last_activity", profile.last_activity, f"it has {count} interactions. {remedy}")
    for figure in (profile.closed_seconds, *profile.preferred_categories.values()):
        if not math.isfinite(figure):
            refuse("profile", figure, f"a finite number is needed. {remedy}")
    ends = [session.end for session in profile.sessions]
    if ends != sorted(ends) or any(session.start > session.end for session in profile.sessions):
        refuse("profile.sessions", profile.sessions, f"they are not in order of time. {remedy}")


def _with_preference(
    preferences: dict[str, float], interaction: UserInteractionEvent, category: object
) -> dict[str, float]:
    names = categories(category) or told_categories(interaction)
    if not names:
        return preferences
    weight = interaction_weight(interaction.interaction_type) * interaction.interaction_value
    sums = {name: preferences.get(name, 0.0) + weight for name in names}
    return {**preferences, **{name: max(-_LARGEST, min(_LARGEST, total)) for name, total in sums.items()}}


def _plus_one(counts: dict[str, int], key: str) -> dict[str, int]:
    return {**counts, key: counts.get(key, 0) + 1}


def _join(sessions: tuple[Session, ...], name: str | None, at: datetime) -> tuple[Session, ...]:
    """The sessions after an activity at that time, in order of their last activity."""
    joined = _named(sessions, name) if name is not None else _around(sessions, at)
    if joined is None:
        return _placed(sessions, Session(name, at, at))
    session = sessions[joined]
    if session.start <= at <= session.end:
        return sessions
    others = sessions[:joined] + sessions[joined + 1 :]
    grown = Session(session.name, min(session.start, at), max(session.end, at))
    return _placed(others, grown) if grown.name is not None else _bridged(others, grown)


def _named(sessions: tuple[Session, ...], name: str) -> int | None:
    return next((i for i in reversed(range(len(sessions))) if sessions[i].name == name), None)


def _around(sessions: tuple[Session, ...], at: datetime) -> int | None:
    """The latest session active within the gap before that time; else the first that begins within it after."""
    near = range(bisect_left(sessions, -SESSION_GAP, key=lambda session: session.end - at), len(sessions))
    active = [i for i in near if sessions[i].start <= at]
    if active:
        return max(active, key=lambda i: (min(sessions[i].end, at), sessions[i].start))
    soon = [i for i in near if sessions[i].start - at <= SESSION_GAP]
    return min(soon, key=lambda i: sessions[i].start, default=None)


def _bridged(others: tuple[Session, ...], grown: Session) -> tuple[Session, ...]:
    """A nameless session that has grown to within the gap of the next nameless one becomes one with it."""
    later = range(bisect_left(others, grown.end, key=_end), len(others))
    following = next((i for i in later if others[i].name is None), None)
    if following is None or others[following].start - grown.end > SESSION_GAP:
        return _placed(others, grown)
    whole = Session(None, grown.start, others[following].end)
    return _placed(others[:following] + others[following + 1 :], whole)


def _placed(others: tuple[Session, ...], session: Session) -> tuple[Session, ...]:
    place = bisect_right(others, session.end, key=_end)
    return (*others[:place], session, *others[place:])


def _end(session: Session) -> datetime:
    return session.end
