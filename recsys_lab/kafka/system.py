"""The recommendation system on Kafka: the engine of the earlier lessons, behind topics, in one instance or in several.

                            user-interactions ─┐                                   ┌─▶ user-profiles
    send_user_interaction ─▶ (3 partitions)    ├─▶ engine-changelog ─▶ the engine ─┤
    update_item ───────────▶ item-updates ─────┘    (1 partition)      of each     └─▶ recommendation-responses
    request_recommendations ▶ recommendation-requests ───────────────▶ instance

What must be known by all, and what is split by key? What users do is split by user: three partitions, any number of
instances. But what goes with what, and what is popular, is learned from everybody, and depends on the order of events;
two instances that saw them in another order would recommend other things. So one log decides the order: whichever
member of the group reads an interaction appends it to `engine-changelog`, which has a single partition, and every
instance folds that log into its engine. Each is then the same function of the same log, and so is one that restarts.
(State machine replication: Schneider, "Implementing fault-tolerant services", 1990; Kreps, "The Log", 2013.)

Split by key remains the work: of ordering, of answering, of announcing profiles. An answer waits until the instance has
folded all that was acknowledged before, so users read what they wrote, whichever instance they wrote it to. A response
says up to where in the changelog it reflects what happened (`data["as_of"]`), so the others can put it into their
caches as if they had computed it; should an instance go, or come back, its users get the same answers elsewhere.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from recsys_lab import profiles
from recsys_lab.clock import Clock, IdSource
from recsys_lab.engine import StreamingRecommendationEngine
from recsys_lab.errors import InvalidEvent, LabError
from recsys_lab.events import (
    ItemUpdateEvent,
    RecommendationRequestEvent,
    RecommendationResponseEvent,
    StreamEvent,
    UserInteractionEvent,
    UserProfileUpdateEvent,
)
from recsys_lab.kafka.answers import Answers, NoResponse
from recsys_lab.kafka.catching_up import PATIENCE_SECONDS, CatchingUp, Folded
from recsys_lab.kafka.connection import Connection
from recsys_lab.kafka.follower import TopicFollower
from recsys_lab.kafka.processor import KafkaStreamProcessor
from recsys_lab.kafka.records import current_record, source_of
from recsys_lab.kafka.topics import COMPACTED, ensure_topics
from recsys_lab.processors import announced
from recsys_lab.recommend.base import Recommender

TOPICS: Mapping[str, str] = {
    "USER_INTERACTIONS": "user-interactions",
    "RECOMMENDATION_REQUESTS": "recommendation-requests",
    "RECOMMENDATION_RESPONSES": "recommendation-responses",
    "USER_PROFILES": "user-profiles",
    "ITEM_UPDATES": "item-updates",
}

CHANGELOG = "engine-changelog"
"""All that changes an engine, in the one order that counts."""

GROUPS: Mapping[str, str] = {
    "user-interactions": "user-interaction-processor",
    "item-updates": "item-update-processor",
    "recommendation-requests": "recommendation-processor",
    "engine-changelog": "user-profile-publisher",
}
"""Topic → the group that works on it."""

KEPT_PROFILES = 1_000

RESPONSES_READ_AT_START = 5_000
"""Of each partition: so far back an instance fills its cache."""

REBUILD_SECONDS = 600.0

Event = TypeVar("Event", bound=StreamEvent)


class KafkaRecommendationSystem:
    """One instance of the system; start as many as you like.

    kafka_servers: addresses; see `KafkaStreamProcessor`, as for delivery and instance_id. recommender: where
    candidates come from, `ItemNeighbours` by default; of the same kind in all instances. clock: of events and of the
    engine. seed: of the exploration, the same in all instances.

    A new instance first rebuilds its engine from `engine-changelog`, some 10,000 events a second, and then takes part.
    """

    TOPICS = TOPICS

    def __init__(
        self,
        kafka_servers: str | None = None,
        *,
        recommender: Recommender | None = None,
        clock: Clock | None = None,
        seed: int = 0,
        delivery: str = "at-least-once",
        instance_id: str | None = None,
        engine_options: Mapping[str, Any] | None = None,
        processor_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.connection = Connection.resolve(kafka_servers)
        self.engine = StreamingRecommendationEngine(recommender, clock=clock, seed=seed, **(engine_options or {}))
        self._processor_options = {"delivery": delivery, "instance_id": instance_id, **(processor_options or {})}
        self._servers = kafka_servers
        self._ids = IdSource(kind="unique")
        self._name = self._ids()  # of this life of this instance
        self._processor: KafkaStreamProcessor | None = None
        self._changelog: TopicFollower | None = None
        self._responses: TopicFollower | None = None
        self._catching_up: CatchingUp | None = None
        self._folded = Folded()
        self._profiles_at: OrderedDict[int, profiles.UserProfile] = OrderedDict()  # by offset in the changelog
        self._answers = Answers()
        self._position = 0  # in the changelog: all before it is in the engine
        self._touched: dict[tuple[str, str], int] = {}  # ("user" or "item", id) → position after its latest change
        self._folding = threading.Lock()
        self._changing = threading.Lock()  # held while parts are made, or taken down
        self._given_up = threading.Event()  # for the starts under way; those after a stop have another
        self._counters = {"folded": 0, "repeats_skipped": 0}

    async def __aenter__(self) -> KafkaRecommendationSystem:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def is_running(self) -> bool:
        """Whether calls are accepted."""
        return self._processor is not None

    @property
    def user_profiles(self) -> dict[str, profiles.UserProfile]:
        """Profiles by user, as this instance's engine has them."""
        return self.engine.user_profiles

    @property
    def item_features(self) -> dict[str, dict[str, Any]]:
        """Features by item, as this instance's engine has them."""
        return self.engine.item_features

    async def start(self, look: Callable[[int, int], None] | None = None) -> None:
        """Create missing topics, rebuild the engine from the log, and take part. Safe to call twice.

        look: called now and then while the engine is rebuilt, with (events done, events to do). Raises BrokerError, and
        LabError when it is stopped meanwhile. When it is cancelled, nothing of it goes on.
        """
        if self.is_running:
            return
        given_up = self._given_up
        await self.engine.start()
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._start, look, given_up)
        except BaseException:
            if not given_up.is_set():  # else who did takes everything down
                await self.stop()
            raise

    async def stop(self) -> None:
        """Finish what is at hand, commit, and leave; the others take over. Safe to call twice.

        A start that is under way is given up; its step at hand is waited for.
        """
        given_up, self._given_up = self._given_up, threading.Event()
        given_up.set()
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, self._stop))
        self._answers.give_up("this instance was stopped. Another one, or this one once started again, answers it.")
        await self.engine.stop()

    # -- calls --

    async def send_user_interaction(
        self,
        user_id: str,
        item_id: str,
        interaction_type: str,
        interaction_value: float = 1.0,
        context: dict[str, Any] | None = None,
        *,
        session_id: str | None = None,
        timestamp: datetime | None = None,
    ) -> UserInteractionEvent:
        """Send an interaction; when this returns, it is safe in Kafka. Raises InvalidEvent or BrokerError.

        timestamp: when it happened; now, by default.
        """
        event = self._build(
            UserInteractionEvent, user_id=user_id, item_id=item_id, interaction_type=interaction_type,
            interaction_value=interaction_value, context={} if context is None else context, session_id=session_id,
            timestamp=timestamp or self.engine.now(),
        )  # fmt: skip
        await self._send("user-interactions", event)
        return event

    async def request_recommendations(
        self,
        user_id: str | None,
        num_recommendations: int = 10,
        request_context: dict[str, Any] | None = None,
        *,
        filters: dict[str, Any] | None = None,
    ) -> str:
        """Ask for recommendations; the request's id, for `await_response`. Raises InvalidEvent or BrokerError."""
        request = self._build(
            RecommendationRequestEvent, user_id=user_id, num_recommendations=num_recommendations,
            request_context={} if request_context is None else request_context,
            filters={} if filters is None else filters,
        )  # fmt: skip
        await self._send("recommendation-requests", request)
        return request.event_id

    async def await_response(
        self, request_id: str, timeout: timedelta = timedelta(seconds=10)
    ) -> RecommendationResponseEvent:
        """The response to a request, whichever instance answers it.

        timeout: in real time, whatever the clock. Raises NoResponse when none comes in time, or before this one stops.
        """
        self._require_running()
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else float(timeout)
        try:
            return await asyncio.wait_for(self._answers.get(request_id), seconds)
        except NoResponse:
            raise  # a TimeoutError too
        except asyncio.TimeoutError:
            raise NoResponse(
                f"{request_id} was not answered by {self.connection.bootstrap_servers} within {seconds:g} s. Is an "
                "instance running, and is Kafka (recsys-lab kafka status)? Await the same id again to wait longer."
            ) from None

    async def update_item(self, item_id: str, features: dict[str, Any]) -> ItemUpdateEvent:
        """Set an item's features; all instances learn of it. Raises InvalidEvent or BrokerError."""
        event = self._build(ItemUpdateEvent, item_id=item_id, features=features)
        await self._send("item-updates", event)
        return event

    def metrics(self) -> dict[str, Any]:
        """What the processor counts, what the engine counts, and folded, repeats_skipped, answered_behind."""
        processor = self._processor.metrics() if self._processor else {}
        behind = self._catching_up.behind if self._catching_up else 0
        return {**processor, **self._counters, "answered_behind": behind, "engine": self.engine.get_metrics()}

    # -- starting and stopping, on a thread that may wait --

    def _start(self, look: Callable[[int, int], None] | None, given_up: threading.Event) -> None:
        with self._changing:
            if self.is_running:
                return  # another start was quicker
            for _ in self._steps(look):
                if given_up.is_set():  # `stop`, which waits for this, takes down what was made so far
                    raise LabError("the system was stopped while it started; start it again to use it.")

    def _steps(self, look: Callable[[int, int], None] | None) -> Iterator[None]:
        """The parts, one after the other; between any two, a start may be given up."""
        yield
        compacted = ["user-profiles", "item-updates"]
        ensure_topics(self.connection, [topic for topic in TOPICS.values() if topic not in compacted])
        yield
        ensure_topics(self.connection, compacted, configs=COMPACTED)
        yield
        ensure_topics(self.connection, [CHANGELOG], partitions=1, configs={"retention.ms": "-1"})
        self._changelog = TopicFollower(self.connection, CHANGELOG, self._fold)
        self._responses = TopicFollower(
            self.connection, "recommendation-responses", self._take_in, last=RESPONSES_READ_AT_START
        )
        yield  # from here on, `_stop` finds the followers, and ends the waiting for them
        self._changelog.start()
        self._changelog.wait_for_the_end(REBUILD_SECONDS, look)
        self._responses.start()
        self._responses.wait_for_the_end(REBUILD_SECONDS)
        yield
        ordered = {topic: GROUPS[topic] for topic in ("user-interactions", "item-updates")}
        self._catching_up = CatchingUp(self.connection, self._changelog, self._folded, ordered)
        yield
        self._processor = processor = KafkaStreamProcessor(self._servers, **self._processor_options)
        processor.setup_producer()
        for topic, group in ordered.items():
            processor.setup_consumer(topic, group, _put_in_order, output_topic=CHANGELOG)
        processor.setup_consumer(CHANGELOG, GROUPS[CHANGELOG], self._announce, output_topic="user-profiles")
        processor.setup_consumer(
            "recommendation-requests", GROUPS["recommendation-requests"], self._answer,
            output_topic="recommendation-responses", prepare=self._catching_up,
        )  # fmt: skip
        yield
        processor.start_consumers()
        yield
        processor.wait_until_joined()
        yield

    def _stop(self) -> None:
        if self._catching_up is None:  # a start may be reading still, and nobody depends on what it reads
            self._stop_followers()
        with self._changing:
            processor, self._processor = self._processor, None
            if processor is not None:
                processor.stop()
            self._stop_followers()
            if self._catching_up is not None:
                self._catching_up.close()
            self._changelog = self._responses = self._catching_up = None

    def _stop_followers(self) -> None:
        for follower in (self._changelog, self._responses):
            if follower is not None:
                follower.stop()

    # -- the fold: what every instance does with the changelog --

    def _fold(self, record: Any) -> None:
        """Bring one entry of the changelog into the engine, unless it is there already."""
        with self._folding:
            self._bring_in(record)
            self._position = record.offset + 1

    def _bring_in(self, record: Any) -> None:
        source = source_of(record.headers)
        if source is not None and not self._folded.is_new(source):
            self._counters["repeats_skipped"] += 1  # its member crashed after sending it and before committing
            return
        try:
            event = StreamEvent.from_json(record.value)
        except InvalidEvent as error:  # nothing that the lab wrote
            self.engine.event_streams["interactions"].reject(record.value, error)
            return
        if isinstance(event, ItemUpdateEvent):
            self.engine.apply_item_update(event)
            self._touched["item", event.item_id] = record.offset + 1
        elif isinstance(event, UserInteractionEvent):
            self.engine.event_streams["interactions"].publish(event)
            self._touched["user", event.user_id] = record.offset + 1
            self._keep_profile(record.offset, event.user_id)
        self._counters["folded"] += 1

    def _keep_profile(self, offset: int, user_id: str) -> None:
        profile = self.engine.user_profiles.get(user_id)
        if profile is not None:
            self._profiles_at[offset] = profile
            if len(self._profiles_at) > KEPT_PROFILES:
                self._profiles_at.popitem(last=False)

    def _take_in(self, record: Any) -> None:
        """Hand a response to who waits for it; cache what another instance computed, if nothing has changed since."""
        response = self._answers.take(record)
        if response is None or response.from_cache or response.data.get("instance", self._name) == self._name:
            return
        as_of, request = response.data["as_of"], StreamEvent.from_dict(response.data["request"])
        self._running(self._changelog).wait_for(lambda: self._position >= as_of, PATIENCE_SECONDS)
        with self._folding:
            touched = [self._touched.get(("item", item["item_id"]), 0) for item in response.recommendations]
            touched.append(self._touched.get(("user", request.user_id or ""), 0))
            if max(touched) <= as_of and isinstance(request, RecommendationRequestEvent):
                self.engine.adopt_answer(request, response)

    # -- the processors: what the members of the groups share between them --

    async def _announce(self, event: StreamEvent) -> UserProfileUpdateEvent | None:
        """The profile that an interaction led to: as of then, or the present one when that is long past."""
        if not isinstance(event, UserInteractionEvent):
            return None
        offset = current_record.get().offset
        await self._running(self._changelog).reach({0: offset + 1}, REBUILD_SECONDS)
        profile = self._profiles_at.get(offset) or self.engine.user_profiles.get(event.user_id)
        return announced(event, profile) if profile else None  # without one, the recommender refused the interaction

    async def _answer(self, event: StreamEvent) -> StreamEvent | None:
        as_of = self._position  # before it is computed: it reflects at least so much
        response = await self.engine.processors["recommender"].process_event(event)
        if response is None or "error" in response.data:
            return response
        told = {"instance": self._name, "as_of": as_of, "request": event.to_dict()}
        return msgspec.structs.replace(response, data=told)

    # -- parts --

    async def _send(self, topic: str, event: StreamEvent) -> None:
        await self._running(self._processor).produce_event(topic, event)

    def _build(self, kind: type[Event], **fields: Any) -> Event:
        self._require_running()
        return kind(**{"event_id": self._ids(), "timestamp": self.engine.now(), **fields})

    def _require_running(self) -> None:
        self._running(self._processor)

    def _running(self, part: Any) -> Any:
        if part is None:
            raise LabError("the system is not running; use `async with system:` or `await system.start()` first.")
        return part


async def _put_in_order(event: StreamEvent) -> StreamEvent:
    """Append the event to the changelog: its place there is its place in the order of all."""
    return event
