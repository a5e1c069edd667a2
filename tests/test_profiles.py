"""Profiles: the fold equals a brute force over the whole list, in any order where the order cannot matter."""

from __future__ import annotations

import copy
import itertools
import json
import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from functools import reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lab import profiles
from recsys_lab.errors import InvalidEvent
from recsys_lab.events import StreamEvent, UserInteractionEvent, UserProfileUpdateEvent
from recsys_lab.profiles import UserProfile, from_dict, new, update
from tests.builders import a_click, a_purchase, a_view, an_interaction, clock_time

MIDNIGHT = datetime(2026, 1, 1, tzinfo=timezone.utc)
GAP_SECONDS = 30 * 60


def folded(interactions: Sequence[UserInteractionEvent], user_id: str = "ann") -> UserProfile:
    return reduce(update, interactions, new(user_id))


def visits(*times: str, session_id: str | None = None) -> list[UserInteractionEvent]:
    return [a_view("ann", "lamp", at=time, session_id=session_id) for time in times]


# -- a brute force, from the rule in words ----------------------------------------------------------------------

WEIGHTS = {"purchase": 1.0, "rating": 0.8, "click": 0.5, "view": 0.2}


def length(times: Sequence[datetime]) -> float:
    return (max(times) - min(times)).total_seconds()


def sessions_of_sorted_times(times: Sequence[datetime]) -> list[list[datetime]]:
    """A new session starts after 30 minutes of inactivity."""
    sessions: list[list[datetime]] = []
    for time in sorted(times):
        if sessions and (time - sessions[-1][-1]).total_seconds() <= GAP_SECONDS:
            sessions[-1].append(time)
        else:
            sessions.append([time])
    return sessions


def sessions_in_order(interactions: Sequence[UserInteractionEvent]) -> list[list[datetime]]:
    """An id names its session; one without joins the latest session within 30 minutes, else starts a new one."""
    sessions: list[tuple[str | None, list[datetime]]] = []
    for event in interactions:
        if event.session_id is not None:
            own = [times for name, times in sessions if name == event.session_id]
        else:
            latest = sorted((times for _, times in sessions), key=max)[-1:]
            own = [times for times in latest if (event.timestamp - max(times)).total_seconds() <= GAP_SECONDS]
        if own:
            own[0].append(event.timestamp)
        else:
            sessions.append((event.session_id, [event.timestamp]))
    return [times for _, times in sessions]


def assert_sessions(profile: UserProfile, expected: Sequence[Sequence[datetime]]) -> None:
    assert profile.session_count == len(expected)
    mean = sum(map(length, expected)) / len(expected) if expected else 0.0
    assert profile.avg_session_length == pytest.approx(mean, rel=1e-12, abs=1e-9)


# -- generated interactions -------------------------------------------------------------------------------------

edges = [-1e-6, 0, 1e-6]
pauses = st.one_of(
    st.integers(0, 100).map(float),
    st.integers(1000, 2600).map(float),
    st.sampled_from([GAP_SECONDS + edge for edge in edges] + [2 * GAP_SECONDS + edge for edge in edges]),
)
category_texts = st.sampled_from(["home", "garden", "toys", ""])
told_categories = st.one_of(
    category_texts, st.lists(category_texts, max_size=3), st.none(), st.just(5), st.just({"a": "b"}), st.just([1, None])
)


@st.composite
def interactions(draw: Any, ids: Sequence[str | None] = (None,)) -> list[UserInteractionEvent]:
    """Of one user, at increasing times (some equal)."""
    time, events = MIDNIGHT, []
    for pause in draw(st.lists(pauses, max_size=25)):
        time += timedelta(seconds=pause)
        events.append(
            an_interaction(
                "ann",
                draw(st.sampled_from(["lamp", "chair", "vase", "rug"])),
                draw(st.sampled_from(["view", "click", "purchase", "rating", "wish"])),
                at=time,
                session_id=draw(st.sampled_from(ids)),
                interaction_value=draw(st.sampled_from([1.0, 0.0, -2.5, 4.0])),
                data=draw(st.fixed_dictionaries({}, optional={"category": told_categories})),
                context=draw(st.fixed_dictionaries({}, optional={"category": told_categories})),
            )
        )
    return events


shuffles = st.randoms(use_true_random=False)


def shuffled(events: Sequence[UserInteractionEvent], random: Any) -> list[UserInteractionEvent]:
    return sorted(events, key=lambda _: random.random())


# -- what is counted --------------------------------------------------------------------------------------------


def test_a_new_profile_is_empty() -> None:
    profile = new("ann")
    assert profile.user_id == "ann"
    assert (profile.interaction_count, profile.session_count, profile.avg_session_length) == (0, 0, 0.0)
    assert profile.preferred_categories == profile.interaction_types == profile.items == {}
    assert profile.last_activity is None


def categories_told(value: object) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [text for text in listed if isinstance(text, str)]


@settings(max_examples=50, deadline=None)
@given(interactions(ids=[None, "s1"]), shuffles)
def test_counts_items_and_weights_equal_brute_force_in_any_order(
    events: list[UserInteractionEvent], random: Any
) -> None:
    events = shuffled(events, random)
    profile = folded(events)
    weights: dict[str, float] = {}
    for event in events:
        told = [source for source in (event.data, event.context) if categories_told(source.get("category"))]
        for category in set(categories_told(told[0]["category"])) if told else ():
            weight = WEIGHTS.get(event.interaction_type, 0.3) * event.interaction_value
            weights[category] = weights.get(category, 0.0) + weight
    assert profile.interaction_count == len(events)
    assert profile.interaction_types == Counter(event.interaction_type for event in events)
    assert profile.items == Counter(event.item_id for event in events)
    assert list(profile.items) == list(dict.fromkeys(event.item_id for event in events))
    assert profile.preferred_categories == pytest.approx(weights)
    assert profile.last_activity == max((event.timestamp for event in events), default=None)


def test_the_items_own_category_goes_before_what_the_event_says() -> None:
    event = a_purchase("ann", "lamp", interaction_value=2.0, data={"category": "toys"}, context={"category": "home"})
    assert update(new("ann"), event, category="light").preferred_categories == {"light": 2.0}
    assert update(new("ann"), event, category=["light", "glass"]).preferred_categories == {"light": 2.0, "glass": 2.0}
    assert update(new("ann"), event).preferred_categories == {"toys": 2.0}


@pytest.mark.parametrize("nothing", [None, [], 5, {}, [None]])
def test_a_category_that_says_nothing_leaves_the_word_to_the_next_source(nothing: Any) -> None:
    event = a_click("ann", "lamp", data={"category": nothing}, context={"category": "home"})
    assert update(new("ann"), event, category=nothing).preferred_categories == {"home": 0.5}


def test_an_event_of_another_user_is_refused_with_a_short_message() -> None:
    with pytest.raises(InvalidEvent, match=r"^user_id is 'bob'; this is the profile of 'ann'"):
        update(new("ann"), a_view("bob", "lamp"))
    with pytest.raises(InvalidEvent) as error:
        update(new("x" * 1_000_000), a_view("bob", "lamp"))
    assert len(str(error.value)) < 300


def test_a_profile_of_the_largest_values_stays_finite_and_can_be_published() -> None:
    loud = [a_purchase("ann", "lamp", interaction_value=value, data={"category": "home"}) for value in [1.7e308] * 3]
    profile = folded(loud)
    assert math.isfinite(profile.preferred_categories["home"])
    assert from_dict(json.loads(json.dumps(profile.to_dict(), allow_nan=False))) == profile


# -- sessions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "count", "mean"),
    [
        pytest.param(["10:00"], 1, 0.0, id="one event is one session of no length"),
        pytest.param(["10:00", "10:30"], 1, 1800.0, id="30 minutes sharp still belong"),
        pytest.param(["10:00", "10:30:00.000001"], 2, 0.0, id="a microsecond more does not"),
        pytest.param(["10:00", "10:29", "10:58", "11:27"], 1, 87 * 60.0, id="inactivity counts, not length"),
        pytest.param(["10:00", "10:50", "10:25"], 1, 3000.0, id="a late event closes the gap between two"),
        pytest.param(["10:00", "11:01", "10:30"], 2, 900.0, id="a late event joins the session before it"),
        pytest.param(["11:00", "10:30"], 1, 1800.0, id="a late event joins the session after it"),
        pytest.param(["11:00", "10:29:59.999999"], 2, 0.0, id="a late event too far before"),
        pytest.param(["10:00", "10:00", "10:00"], 1, 0.0, id="events of one moment"),
    ],
)
def test_nameless_sessions_end_after_thirty_minutes(times: list[str], count: int, mean: float) -> None:
    profile = folded(visits(*times))
    assert profile.session_count == count
    assert profile.avg_session_length == mean


@settings(max_examples=50, deadline=None)
@given(interactions(), shuffles)
def test_nameless_events_in_any_order_give_the_sessions_of_their_sorted_times(
    events: list[UserInteractionEvent], random: Any
) -> None:
    expected = sessions_of_sorted_times([event.timestamp for event in events])
    profile = folded(shuffled(events, random))
    assert_sessions(profile, expected)
    assert [(session.start, session.end) for session in profile.sessions] == [(s[0], s[-1]) for s in expected]


@settings(max_examples=50, deadline=None)
@given(interactions(ids=["a", "b", "c", ""]), shuffles)
def test_with_ids_each_id_is_one_session_in_any_order(events: list[UserInteractionEvent], random: Any) -> None:
    by_id: dict[str | None, list[datetime]] = {}
    for event in events:
        by_id.setdefault(event.session_id, []).append(event.timestamp)
    assert_sessions(folded(shuffled(events, random)), list(by_id.values()))


@settings(max_examples=50, deadline=None)
@given(interactions(ids=[None, None, "a", "b"]))
def test_events_in_order_with_and_without_ids_equal_brute_force(events: list[UserInteractionEvent]) -> None:
    apart = [event for i, event in enumerate(events) if i == 0 or events[i - 1].timestamp < event.timestamp]
    assert_sessions(folded(apart), sessions_in_order(apart))


@settings(max_examples=50, deadline=None)
@given(interactions(ids=[None, None, "a", "b"]), shuffles)
def test_a_mixture_in_any_order_has_every_id_once_and_stays_within_bounds(
    events: list[UserInteractionEvent], random: Any
) -> None:
    profile = folded(shuffled(events, random))
    named = {event.session_id for event in events} - {None}
    nameless = [session for session in profile.sessions if session.name is None]
    assert {session.name for session in profile.sessions} - {None} == named
    assert profile.session_count == len(named) + len(nameless)
    assert len(nameless) <= sum(event.session_id is None for event in events)
    assert all(session.start <= session.end for session in profile.sessions)
    assert all(a.end + timedelta(seconds=GAP_SECONDS) < b.start for a, b in itertools.pairwise(nameless))
    for event in events:
        assert any(session.start <= event.timestamp <= session.end for session in profile.sessions)


def test_an_event_without_id_joins_the_named_session_it_falls_into() -> None:
    named = visits("10:00", "10:10", session_id="s1")
    assert folded([*named, *visits("10:40")]).session_count == 1
    assert folded([*named, *visits("10:40:01")]).session_count == 2
    assert folded([*named, *visits("10:40"), *visits("10:50", session_id="s2"), *visits("11:20")]).session_count == 2


def test_an_id_keeps_its_session_open_over_any_pause() -> None:
    assert folded(visits("00:00", "12:00", "23:00", session_id="s1")).session_count == 1


def test_times_at_both_ends_of_the_calendar_are_folded() -> None:
    first, last = datetime.min.replace(tzinfo=timezone.utc), datetime.max.replace(tzinfo=timezone.utc)
    profile = folded([a_view("ann", "lamp", at=time) for time in (last, first, first, last)])
    assert profile.session_count == 2


# -- bounded ----------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(interactions(), st.integers(1, 4))
def test_old_sessions_that_are_let_go_still_count(events: list[UserInteractionEvent], kept: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profiles, "SESSIONS_KEPT", kept)
        profile = folded(events)
    assert len(profile.sessions) <= kept
    assert_sessions(profile, sessions_of_sorted_times([event.timestamp for event in events]))


def test_a_session_that_goes_on_is_not_let_go_for_having_started_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "SESSIONS_KEPT", 3)
    ids = ["app", "a", "app", "b", "app", "c", "app", "d", "app"]
    events = [a_view("ann", "lamp", at=f"{hour:02}:00", session_id=name) for hour, name in enumerate(ids)]
    profile = folded(events)
    assert profile.session_count == len(set(ids))
    assert len(profile.sessions) == 3


# -- a value ----------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(interactions(ids=[None, "a", "b"]), shuffles)
def test_the_fold_leaves_the_old_profile_as_it_was_and_a_replay_gives_the_same(
    events: list[UserInteractionEvent], random: Any
) -> None:
    profile, events = new("ann"), shuffled(events, random)
    for event in events:
        before = copy.deepcopy(profile)
        after = update(profile, event)
        assert profile == before
        profile = after
    assert folded(events) == profile
    assert json.dumps(folded(events).to_dict()) == json.dumps(profile.to_dict())


def test_no_attribute_of_a_profile_can_be_set() -> None:
    with pytest.raises(AttributeError):
        new("ann").interaction_count = 5  # type: ignore[misc]


@settings(max_examples=50, deadline=None)
@given(interactions(ids=[None, "a", ""]), shuffles)
def test_a_profile_is_read_back_equal_from_its_dict_json_or_event_and_goes_on_alike(
    events: list[UserInteractionEvent], random: Any
) -> None:
    events = shuffled(events, random)
    profile, rest = folded(events[:-3]), events[-3:]
    fields = profile.to_dict()
    assert fields["session_count"] == profile.session_count
    assert fields["avg_session_length"] == profile.avg_session_length
    assert json.loads(json.dumps(fields, allow_nan=False)) == fields
    published = UserProfileUpdateEvent(event_id="evt-1", timestamp=MIDNIGHT, user_id="ann", profile=fields)
    received = StreamEvent.from_json(published.to_json())
    assert isinstance(received, UserProfileUpdateEvent)
    for again in (from_dict(fields), from_dict(json.loads(json.dumps(fields))), from_dict(received.profile)):
        assert again == profile
        assert reduce(update, rest, again) == folded(events)


def test_changing_the_dict_does_not_change_the_profile() -> None:
    profile = folded([a_view("ann", "lamp", data={"category": "home"})])
    fields = profile.to_dict()
    again = from_dict(fields)
    for inner in ("items", "interaction_types", "preferred_categories"):
        fields[inner]["x"] = 1
    fields["sessions"].clear()
    assert profile == again == folded([a_view("ann", "lamp", data={"category": "home"})])


def test_what_is_missing_has_its_default_and_what_is_unknown_is_ignored() -> None:
    assert from_dict({"user_id": "ann", "mood": {"level": 3}}) == new("ann")


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": None},
        {"user_id": ""},
        {"user_id": "\ud800"},
        {"user_id": 5},
        {"interaction_count": -1},
        {"interaction_count": 99},
        {"interaction_count": "2"},
        {"interaction_count": True},
        {"interaction_count": None},
        {"items": {"lamp": -2}},
        {"items": {"lamp": 3}},
        {"items": {"lamp": 1.5}},
        {"items": {5: 2}},
        {"items": ["lamp"]},
        {"items": {}},
        {"interaction_types": {"view": 1}},
        {"preferred_categories": {"home": math.nan}},
        {"preferred_categories": {"home": math.inf}},
        {"preferred_categories": {"home": "much"}},
        {"last_activity": None},
        {"last_activity": "2026-01-01T10:00:00"},
        {"last_activity": "yesterday"},
        {"last_activity": "\ud800"},
        {"last_activity": 5},
        {"closed_sessions": -1},
        {"closed_seconds": math.nan},
        {"closed_seconds": math.inf},
        {"closed_seconds": -1.0},
        {"sessions": None},
        {"sessions": [5]},
        {"sessions": [{"name": None, "start": "2026-01-01T10:00:00", "end": "2026-01-01T10:00:00"}]},
        {"sessions": [{"name": None, "start": "2026-01-01T11:00:00Z", "end": "2026-01-01T10:00:00Z"}]},
        {"sessions": [{"name": 5, "start": "2026-01-01T10:00:00Z", "end": "2026-01-01T10:00:00Z"}]},
        {"sessions": [{"name": None, "start": "2026-01-01T10:00:00Z"}]},
        {
            "sessions": [
                {"name": None, "start": f"2026-01-01T{h}:00:00Z", "end": f"2026-01-01T{h}:00:00Z"} for h in (12, 10)
            ]
        },
    ],
)
def test_a_corrupt_dict_is_refused(change: dict[str, Any]) -> None:
    fields = folded(visits("10:00", "10:10")).to_dict()
    assert from_dict(fields)
    with pytest.raises(InvalidEvent, match=r"^profile.*Rebuild it from the interactions|^profile\.user_id") as error:
        from_dict({**fields, **change})
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("value", [None, 5, "ann", [], {}, b"{}", new("ann")])
def test_what_is_no_dict_of_a_profile_is_refused(value: Any) -> None:
    if isinstance(value, UserProfile):
        assert from_dict(value.to_dict()) == value
        return
    with pytest.raises(InvalidEvent, match=r"^profile cannot be read"):
        from_dict(value)


@pytest.mark.parametrize("version", [2, 0, "1", None])
def test_another_version_is_refused_whatever_else_is_in_it(version: Any) -> None:
    with pytest.raises(InvalidEvent, match=r"^profile\.version is .*this lab reads version 1"):
        from_dict({"user_id": ["a", "new", "shape"], "version": version})


def test_the_last_activity_is_the_latest_whatever_came_last() -> None:
    assert folded(visits("10:00", "12:00", "11:00")).last_activity == clock_time("12:00")
