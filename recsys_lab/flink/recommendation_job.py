"""A recommender as a dataflow: interactions in, each user's recommendations out, every five minutes.

    interactions ─▶ extract features ─▶ key by user ─▶ 5-minute windows ─▶ UserProfileAggregator
                 ─▶ one place that knows all users (`Recommendations`) ─▶ recommendation_sink

What belongs to one user is aggregated in the user's window, wherever that runs. What spans users (all profiles,
who has which item, how popular it is) is the state of one operator, checkpointed with everything else; the job
object knows none of it, so a restored job goes on as if it had never stopped. Profiles of one window are taken in
together and in order of user id, so that no answer depends on which came first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from heapq import nsmallest
from random import Random
from typing import Any

from recsys_lab.errors import JobError, LabError, shorten
from recsys_lab.events import StreamEvent
from recsys_lab.flink.durations import epoch_ms, moment_of
from recsys_lab.flink.functions import AggregateFunction, Context, KeyedProcessFunction, RuntimeContext
from recsys_lab.flink.processor import FlinkStreamProcessor, JobResult
from recsys_lab.flink.sinks import ListSink
from recsys_lab.flink.state import ListStateDescriptor, MapStateDescriptor, ValueStateDescriptor
from recsys_lab.flink.streams import DataStream
from recsys_lab.flink.watermarks import WatermarkStrategy
from recsys_lab.flink.windows import TumblingEventTimeWindows
from recsys_lab.profiles import categories
from recsys_lab.recommend.ranking import clamp, noise_of_items

MODEL_VERSION = "1.0"
WINDOW = timedelta(minutes=5)
DISORDER = timedelta(seconds=30)

WEIGHTS: Mapping[str, float] = {"view": 0.1, "click": 0.5, "purchase": 1.0, "rating": 0.8}
OTHER_WEIGHT = 0.3

SIMILAR, SIMILAR_USERS, CANDIDATES, SHOWN = 0.1, 20, 50, 10
BASE, POPULARITY_SHARE, CATEGORY_SHARE, EXPLORATION = 0.5, 0.3, 0.4, 0.1
ITEMS_KEPT = 100
"""Of each user, the latest distinct ones; so the state is bounded by the number of users and items."""

Interaction = dict[str, Any]
Profile = dict[str, Any]


def extract_interaction_features(interaction: Interaction | StreamEvent) -> Interaction:
    """The interaction as a dict, plus `features`: interaction_weight, time_of_day (hour), day_of_week (Monday 0).

    Its timestamp may be an aware datetime, ISO 8601, or epoch ms. Raises LabError when it is none of them.
    """
    fields = interaction.to_dict() if isinstance(interaction, StreamEvent) else interaction
    at = moment_of(timestamp_ms(fields))
    features = {
        "interaction_weight": WEIGHTS.get(fields["interaction_type"], OTHER_WEIGHT),
        "time_of_day": at.hour,
        "day_of_week": at.weekday(),
    }
    return {**fields, "features": features}


def timestamp_ms(interaction: Interaction | StreamEvent, _: int = 0) -> int:
    """The event time of an interaction, in epoch ms: a timestamp assigner."""
    given: Any = interaction.timestamp if isinstance(interaction, StreamEvent) else interaction.get("timestamp")
    at = given
    if isinstance(at, str):
        with contextlib.suppress(ValueError):
            at = datetime.fromisoformat(at.replace("Z", "+00:00"))
    if isinstance(at, datetime) and at.utcoffset() is not None:
        return epoch_ms(at)
    if isinstance(at, int) and not isinstance(at, bool):
        return at
    raise LabError(f"timestamp is {shorten(given)}; an aware datetime, ISO 8601 with offset, or epoch ms is needed.")


class UserProfileAggregator(AggregateFunction):
    """One user's window, folded into a profile.

    items: item → count. interaction_types: type → count. preferred_categories: category → summed weight × value.
    item_categories: item → its categories. last_activity: event time of the latest, epoch ms.
    """

    def create_accumulator(self) -> Profile:
        return {
            "user_id": None,
            "items": {},
            "interaction_types": {},
            "preferred_categories": {},
            "item_categories": {},
            "total_interactions": 0,
            "last_activity": 0,
        }

    def add(self, value: Interaction, accumulator: Profile) -> Profile:
        accumulator["user_id"] = value["user_id"]
        _add(accumulator["items"], value["item_id"], 1)
        _add(accumulator["interaction_types"], value["interaction_type"], 1)
        weight = value["features"]["interaction_weight"] * value.get("interaction_value", 1.0)
        of_item = _categories(value)
        accumulator["item_categories"][value["item_id"]] = list(of_item)
        for category in of_item:
            _add(accumulator["preferred_categories"], category, weight)
        accumulator["total_interactions"] += 1
        accumulator["last_activity"] = max(accumulator["last_activity"], timestamp_ms(value))
        return accumulator

    def get_result(self, accumulator: Profile) -> Profile:
        return {key: dict(value) if isinstance(value, dict) else value for key, value in accumulator.items()}

    def merge(self, a: Profile, b: Profile) -> Profile:
        merged = self.get_result(a)
        merged["user_id"] = a["user_id"] if a["user_id"] is not None else b["user_id"]
        for counts in ("items", "interaction_types", "preferred_categories"):
            for name, amount in b[counts].items():
                _add(merged[counts], name, amount)
        merged["item_categories"].update(b["item_categories"])
        merged["total_interactions"] += b["total_interactions"]
        merged["last_activity"] = max(a["last_activity"], b["last_activity"])
        return merged


class Recommendations(KeyedProcessFunction):
    """Knows all users; answers each profile with recommendations, when its window is complete everywhere.

    Its state, under the one key of the stream: "waiting" profiles of windows that aren't complete, "profiles" by
    user, "users" of each item, "items" with their interactions and categories, "highest" interactions of any item.
    The methods for one profile can be called once the job runs, and after it.
    """

    def __init__(self, seed: int = 0, exploration: float = EXPLORATION) -> None:
        self._seed = seed
        self._exploration = exploration
        self.is_open = False

    def open(self, runtime_context: RuntimeContext) -> None:
        self.is_open = True
        self._waiting = runtime_context.get_list_state(ListStateDescriptor("waiting"))
        self._profiles = runtime_context.get_map_state(MapStateDescriptor("profiles"))
        self._users = runtime_context.get_map_state(MapStateDescriptor("users"))
        self._items = runtime_context.get_map_state(MapStateDescriptor("items"))
        self._popular: list[str] | None = None  # follows from the state; made when it is asked for
        self._highest = runtime_context.get_state(ValueStateDescriptor("highest"))

    def process_element(self, value: Profile, ctx: Context) -> Iterable[Any] | None:
        timestamp = ctx.timestamp()
        self._waiting.add((timestamp, value))
        ctx.timer_service().register_event_time_timer(timestamp or 0)
        return None

    def on_timer(self, timestamp: int, ctx: Context) -> Iterator[dict[str, Any]]:
        waiting = self._waiting.get()
        due = sorted((profile for at, profile in waiting if at <= timestamp), key=lambda profile: profile["user_id"])
        self._waiting.update([entry for entry in waiting if entry[0] > timestamp])
        known = [self._learn(profile) for profile in due]
        for profile in known:
            yield self.generate_recommendations(profile)

    def find_similar_users(self, profile: Profile) -> list[tuple[str, float]]:
        """(user, Jaccard similarity of items) of the 20 most similar above 0.1; ties by user id."""
        mine = profile["items"]
        common: dict[str, int] = {}
        for item in mine:
            for user in self._users.get(item) or ():
                if user != profile["user_id"]:
                    common[user] = common.get(user, 0) + 1
        similar = []
        for user, shared in common.items():
            similarity = shared / (len(mine) + len(self._profiles.get(user)["items"]) - shared)
            if similarity > SIMILAR:
                similar.append((user, similarity))
        return nsmallest(SIMILAR_USERS, similar, key=lambda pair: (-pair[1], pair[0]))

    def get_candidate_items(self, profile: Profile) -> list[str]:
        """At most 50 items that the user doesn't have, best first: what similar users have, by summed similarity;
        then what is popular.
        """
        support: dict[str, float] = {}
        for user, similarity in self.find_similar_users(profile):
            for item in self._profiles.get(user)["items"]:
                if item not in profile["items"]:
                    support[item] = support.get(item, 0.0) + similarity
        best = nsmallest(CANDIDATES, support, key=lambda item: (-support[item], item))
        if len(best) < CANDIDATES:
            taken = support.keys() | profile["items"].keys()
            best += [item for item in self._most_popular() if item not in taken][: CANDIDATES - len(best)]
        return best

    def calculate_item_score(self, profile: Profile, item_id: str) -> float:
        """0.5 + popularity × 0.3 + the user's share of preference for its category × 0.4 ± exploration, 0 to 1.

        Popularity is the item's interactions over those of the most popular one.
        """
        return self._scores(profile, [item_id])[0]

    def _scores(self, profile: Profile, item_ids: list[str]) -> list[float]:
        highest = self._highest.value() or 1
        preferences = profile["preferred_categories"]
        total = sum(preferences.values())
        noise = noise_of_items(self._seed, profile["user_id"], profile["total_interactions"])
        scores = []
        for item_id in item_ids:
            count, of_item = self._items.get(item_id) or (0, ())
            share = sum(preferences.get(category, 0.0) for category in of_item) / total if total > 0 else 0.0
            score = BASE + count / highest * POPULARITY_SHARE + clamp(share) * CATEGORY_SHARE
            scores.append(clamp(score + self._exploration * noise(item_id)))
        return scores

    def generate_recommendations(self, profile: Profile) -> dict[str, Any]:
        """user_id, the 10 best recommendations (item_id, score), timestamp (event time), model_version."""
        candidates = self.get_candidate_items(profile)
        scored = zip(candidates, self._scores(profile, candidates), strict=True)
        best = nsmallest(SHOWN, scored, key=lambda pair: (-pair[1], pair[0]))
        return {
            "user_id": profile["user_id"],
            "recommendations": [{"item_id": item, "score": round(score, 9)} for item, score in best],
            "timestamp": moment_of(profile["last_activity"]).isoformat(),
            "model_version": MODEL_VERSION,
        }

    def _most_popular(self) -> list[str]:
        """Items by popularity, best first: as many as can be needed beside what a user and its candidates have."""
        if self._popular is None:
            enough = 2 * CANDIDATES + ITEMS_KEPT
            entries = nsmallest(enough, self._items.items(), key=lambda entry: (-entry[1][0], entry[0]))
            self._popular = [item for item, _ in entries]
        return self._popular

    def _learn(self, profile: Profile) -> Profile:
        """Take a window's profile in; gives all that is known of the user by now."""
        self._popular = None
        user, items = profile["user_id"], profile["items"]
        before = self._profiles.get(user)
        known = profile if before is None else UserProfileAggregator().merge(before, profile)
        latest_last = {item: known["items"][item] for item in known["items"] if item not in items}
        latest_last.update((item, known["items"][item]) for item in items)
        forgotten = list(latest_last)[:-ITEMS_KEPT]
        kept = {item: count for item, count in latest_last.items() if item not in set(forgotten)}
        known = {**known, "items": kept, "item_categories": {}}  # the categories stand with the items
        self._profiles.put(user, known)
        for item in forgotten:
            self._users.put(item, [other for other in self._users.get(item) or () if other != user])
        for item, count in items.items():
            self._count(item, count, profile["item_categories"].get(item, []))
            users = self._users.get(item) or []
            if item in kept and user not in users:
                self._users.put(item, [*users, user])
        return known

    def _count(self, item: str, more: int, of_item: list[str]) -> None:
        count, known = self._items.get(item) or (0, [])
        self._items.put(item, (count + more, of_item or known))
        if count + more > (self._highest.value() or 0):
            self._highest.update(count + more)


class FlinkRecommendationJob:
    """The whole job, on any runtime.

    processor: where it is built; a new one by default. source: interactions, as events or dicts, in anything that
    `add_source` takes; by default simulated ones, `interactions` of them. sink: a transactional sink; a ListSink by
    default. seed: of the simulation and of the exploration. exploration: half-width of the random term; 0 for none.
    """

    def __init__(
        self,
        processor: FlinkStreamProcessor | None = None,
        *,
        source: Any = None,
        sink: Any = None,
        seed: int = 0,
        exploration: float = EXPLORATION,
        interactions: int = 10_000,
    ) -> None:
        if not 0.0 <= exploration <= 1.0:
            raise JobError(f"exploration is {shorten(exploration)}; a number from 0 (off) to 1 is needed.")
        self.stream_processor = processor or FlinkStreamProcessor()
        self.recommendation_sink = ListSink() if sink is None else sink
        self._source = source
        self._seed = seed
        self._interactions = interactions
        self._recommendations = Recommendations(seed, exploration)

    def create_user_interaction_stream(self) -> DataStream:
        """The interactions, with their timestamps and half a minute of allowed disorder."""
        source = self._source
        if source is None:

            def simulated() -> Iterator[Interaction]:
                return simulated_interactions(self._interactions, seed=self._seed)

            source = simulated
        strategy = WatermarkStrategy.for_bounded_out_of_orderness(DISORDER).with_timestamp_assigner(timestamp_ms)
        return self.stream_processor.add_source(source).assign_timestamps_and_watermarks(strategy)

    def create_recommendation_pipeline(self) -> DataStream:
        """The recommendations, which go to `recommendation_sink`."""
        profiles = (
            self.create_user_interaction_stream()
            .map(extract_interaction_features)
            .key_by(_user_of)
            .window(TumblingEventTimeWindows.of(WINDOW))
            .aggregate(UserProfileAggregator())
        )
        recommendations = profiles.key_by(_everybody).process(self._recommendations)
        recommendations.sink_to(self.recommendation_sink)
        return recommendations

    def execute(self, job_name: str = "RecommendationJob", **options: Any) -> JobResult:
        """Build the pipeline, if that was not done, and run it; options as of `FlinkStreamProcessor.execute`."""
        if not self.stream_processor.operators:
            self.create_recommendation_pipeline()
        return self.stream_processor.execute(job_name, **options)

    extract_interaction_features = staticmethod(extract_interaction_features)

    def find_similar_users(self, profile: Profile) -> list[tuple[str, float]]:
        """See `Recommendations`, whose state it asks: once the job runs, and after it."""
        return self._asked().find_similar_users(profile)

    def get_candidate_items(self, profile: Profile) -> list[str]:
        """See `Recommendations`."""
        return self._asked().get_candidate_items(profile)

    def calculate_item_score(self, profile: Profile, item_id: str) -> float:
        """See `Recommendations`."""
        return self._asked().calculate_item_score(profile, item_id)

    def generate_recommendations(self, profile: Profile) -> dict[str, Any]:
        """See `Recommendations`."""
        return self._asked().generate_recommendations(profile)

    def _asked(self) -> Recommendations:
        if not self._recommendations.is_open:
            raise JobError("nobody is known: the job has not run here. Ask after execute(), on the local runtime.")
        return self._recommendations


def simulated_interactions(
    count: int = 10_000, *, users: int = 1_000, items: int = 5_000, seed: int = 0
) -> Iterator[Interaction]:
    """Interactions about three a second, up to half a minute out of order; each user keeps to a few categories.

    The same arguments give the same interactions. (`experiments.simulate` knows the truth behind its own.)
    """
    random = Random(seed)
    names = [f"category_{number}" for number in range(20)]
    start = epoch_ms(datetime(2026, 1, 1, tzinfo=timezone.utc))
    for number in range(count):
        user = random.randrange(users)
        liked = (user * 7 + random.choice((0, 0, 0, 1, 2, random.randrange(20)))) % 20
        item = liked + 20 * int((items // 20) * random.random() ** 3)
        kind = random.choices(("view", "click", "purchase", "rating"), (60, 25, 10, 5))[0]
        at = start + number * 333 + 30_000 - random.randrange(30_000)
        yield {
            "user_id": f"user_{user}",
            "item_id": f"item_{item}",
            "interaction_type": kind,
            "interaction_value": float(random.randrange(1, 6)) if kind == "rating" else 1.0,
            "timestamp": moment_of(at).isoformat(),
            "category": names[liked],
        }


def _user_of(interaction: Interaction) -> str:
    user: str = interaction["user_id"]
    return user


def _everybody(profile: Profile) -> str:
    return "everybody"


def _add(amounts: dict[str, Any], name: str, amount: float) -> None:
    amounts[name] = amounts.get(name, 0) + amount


def _categories(interaction: Interaction) -> tuple[str, ...]:
    """Of the item: from the interaction itself, or its data or context."""
    places = (interaction, interaction.get("data") or {}, interaction.get("context") or {})
    return next(filter(None, (categories(place.get("category")) for place in places)), ())
