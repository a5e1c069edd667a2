"""Processors: what reacts to events.

A processor takes one event and may give one back; that is all. Those of the lab keep their work in a plain
method (`fold`, `respond`) that takes a value and returns a value, and wrap it in `process_event`, which any
transport can await: a stream in memory here, a Kafka topic later.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from recsys_lab import profiles
from recsys_lab.errors import LabError
from recsys_lab.events import (
    RecommendationRequestEvent,
    RecommendationResponseEvent,
    StreamEvent,
    UserInteractionEvent,
    UserProfileUpdateEvent,
)

MAX_ERROR_TEXT = 1_000
"""Characters of an error's text that a response carries."""


def _only_when_running(process_event: Any) -> Any:
    @functools.wraps(process_event)
    async def guarded(self: StreamProcessor, event: StreamEvent) -> StreamEvent | None:
        if not self.is_running:
            raise LabError(f"processor {self.name!r} is not running; `await processor.start()` first.")
        result: StreamEvent | None = await process_event(self, event)
        return result

    return guarded


class StreamProcessor(ABC):
    """Reacts to one event at a time, between `start` and `stop`.

    Subclasses write `process_event`; calling it while not running raises LabError, whatever they wrote.
    metrics: counters by name, for the subclass to keep.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_running = False
        self.metrics: dict[str, int] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        writer = next(base for base in cls.__mro__ if "process_event" in base.__dict__)
        if writer is cls or not issubclass(writer, StreamProcessor):
            cls.process_event = _only_when_running(cls.process_event)  # type: ignore[method-assign]

    @abstractmethod
    async def process_event(self, event: StreamEvent) -> StreamEvent | None:
        """React to an event; the event to send on, or None."""

    async def start(self) -> None:
        """Begin to accept events. Safe to call twice."""
        self.is_running = True

    async def stop(self) -> None:
        """Accept no more events. Safe to call twice."""
        self.is_running = False

    def get_metrics(self) -> dict[str, int]:
        """A copy of the counters."""
        return dict(self.metrics)


def announced(interaction: UserInteractionEvent, profile: profiles.UserProfile) -> UserProfileUpdateEvent:
    """The event that tells of the profile to which an interaction led."""
    return UserProfileUpdateEvent(
        event_id=f"{interaction.event_id}-profile",
        timestamp=interaction.timestamp,
        user_id=interaction.user_id,
        session_id=interaction.session_id,
        profile=profile.to_dict(),
    )


class UserProfileProcessor(StreamProcessor):
    """Folds each interaction into its user's profile; see `profiles.update`.

    item_features: item → features, for the category of an item; read at each event, so that it may grow.
    """

    def __init__(
        self, name: str = "user-profiles", *, item_features: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        super().__init__(name)
        self.metrics = {"events_processed": 0, "profiles_updated": 0}
        self.profiles: dict[str, profiles.UserProfile] = {}
        self._item_features: Mapping[str, Mapping[str, Any]] = {} if item_features is None else item_features

    def get_user_profile(self, user_id: str) -> profiles.UserProfile | None:
        """The user's profile as of the last event, or None when there was none."""
        return self.profiles.get(user_id)

    async def process_event(self, event: StreamEvent) -> UserProfileUpdateEvent | None:
        """Fold an interaction and announce the new profile; other kinds of event change nothing."""
        if not isinstance(event, UserInteractionEvent):
            self.metrics["events_processed"] += 1
            return None
        return announced(event, self.fold(event))

    def fold(self, interaction: UserInteractionEvent) -> profiles.UserProfile:
        """The user's profile after this interaction, which is kept."""
        self.metrics["events_processed"] += 1
        user_id = interaction.user_id
        before = self.profiles.get(user_id) or profiles.new(user_id)
        features = self._item_features.get(interaction.item_id)
        after = profiles.update(before, interaction, category=features.get("category") if features else None)
        self.profiles[user_id] = after
        self.metrics["profiles_updated"] += 1
        return after


class Answer(Protocol):
    """What an engine answers: recommendations as JSON values, and whether they came from its cache."""

    @property
    def from_cache(self) -> bool: ...

    def to_list(self) -> list[dict[str, Any]]: ...


class Answers(Protocol):
    """The part of the engine that this module needs: a time, and answers to requests."""

    def now(self) -> datetime: ...

    def answer(self, request: RecommendationRequestEvent) -> Answer: ...


class RealTimeRecommendationProcessor(StreamProcessor):
    """Answers each request with exactly one response; a request that fails is answered with its error.

    metrics: requests_processed, recommendations_generated (items in all answers), errors.
    """

    def __init__(self, engine: Answers, name: str = "recommendations") -> None:
        super().__init__(name)
        self.metrics = {"requests_processed": 0, "recommendations_generated": 0, "errors": 0}
        self._engine = engine

    async def process_event(self, event: StreamEvent) -> RecommendationResponseEvent | None:
        """The response to a request; None for any other kind of event."""
        return self.respond(event) if isinstance(event, RecommendationRequestEvent) else None

    def respond(self, request: RecommendationRequestEvent) -> RecommendationResponseEvent:
        """The response. An error is in `data["error"]`, with no recommendations, and counted."""
        self.metrics["requests_processed"] += 1
        began = self._engine.now()
        try:
            answer = self._engine.answer(request)
            response = self._response(request, began, recommendations=answer.to_list(), from_cache=answer.from_cache)
        except Exception as error:
            self.metrics["errors"] += 1
            response = self._response(request, began, data={"error": _in_words(error)})
        self.metrics["recommendations_generated"] += len(response.recommendations)
        return response

    def _response(
        self, request: RecommendationRequestEvent, began: datetime, **outcome: Any
    ) -> RecommendationResponseEvent:
        ended = self._engine.now()
        return RecommendationResponseEvent(
            event_id=f"{request.event_id}-response",
            timestamp=ended,
            user_id=request.user_id,
            session_id=request.session_id,
            request_id=request.event_id,
            processing_time_ms=(ended - began).total_seconds() * 1000,
            **outcome,
        )


def _in_words(error: Exception) -> str:
    """The error as text that any event can carry."""
    text = f"{type(error).__name__}: {error}"[:MAX_ERROR_TEXT]
    return text.encode("utf-8", "backslashreplace").decode()
