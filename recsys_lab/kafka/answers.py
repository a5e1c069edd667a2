"""Responses by request: those that came lately, and who waits for the others."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from typing import Any

from recsys_lab.errors import BrokerError, InvalidEvent
from recsys_lab.events import RecommendationResponseEvent, StreamEvent
from recsys_lab.kafka.event_loop import settle

KEPT_RESPONSES = 10_000


class NoResponse(BrokerError, TimeoutError):
    """A request that was not answered in time."""


class Answers:
    """Takes responses from any thread, and gives each to the coroutines that wait for it."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, RecommendationResponseEvent] = OrderedDict()
        self._waiting: dict[str, list[tuple[asyncio.AbstractEventLoop, asyncio.Future[Any]]]] = {}
        self._lock = threading.Lock()

    def take(self, record: Any) -> RecommendationResponseEvent | None:
        """Take a record of the topic of responses, and give its response; of several to a request the first counts."""
        try:
            response = StreamEvent.from_json(record.value)
        except InvalidEvent:
            return None  # a stranger's record; nobody waits for it
        if not isinstance(response, RecommendationResponseEvent):
            return None
        with self._lock:
            self._known.setdefault(response.request_id, response)
            if len(self._known) > KEPT_RESPONSES:
                self._known.popitem(last=False)
            waiting = self._waiting.pop(response.request_id, [])
        for loop, future in waiting:
            settle(loop, future, response)
        return response

    async def get(self, request_id: str) -> RecommendationResponseEvent:
        """The response to a request, as soon as it is there."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[RecommendationResponseEvent] = loop.create_future()
        with self._lock:
            known = self._known.get(request_id)
            if known is not None:
                return known
            self._waiting.setdefault(request_id, []).append((loop, future))
        try:
            return await future
        finally:
            with self._lock:
                left = [pair for pair in self._waiting.get(request_id, []) if pair[1] is not future]
                if left:
                    self._waiting[request_id] = left
                else:
                    self._waiting.pop(request_id, None)

    def give_up(self, reason: str) -> None:
        """Nothing comes any more: whoever waits gets a NoResponse."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for request_id, waiters in waiting.items():
            for loop, future in waiters:
                settle(loop, future, NoResponse(f"{request_id} was not answered: {reason}"))
