"""Streams: the log of what happened, and positions in it.

A stream is an append-only log. Publishing gives an event the next offset: 0, 1, 2 … The log is bounded, so
when it is full the oldest event goes. A subscription is nothing but a position in the log and a callback
that is given one event after the other, each once, in order. Lag is a subtraction: the end of the log less
the position. A reader so slow that events it has not seen yet fall off the log is told how many it missed.
(Kreps, "The Log", 2013, tells why this one picture is enough.)

    >>> stream = EventStream("clicks", max_size=100)
    >>> subscription = stream.subscribe(print)
    >>> stream.next_offset, subscription.position, subscription.lag
    (0, 0, 0)

How events reach callbacks. A plain function is called on the publisher's thread before `publish` returns;
a coroutine function runs as a task on the event loop. One subscription never handles two events at a time.
What a callback publishes itself is delivered after all have seen the event at hand, never nested inside it:
each thread keeps a queue of streams with something to deliver and works it off at the outermost `publish`,
holding one subscription's lock at a time, so that two streams that feed each other cannot lock each other up.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from recsys_lab.errors import InvalidEvent, LabError, shorten
from recsys_lab.events import StreamEvent

Callback = Callable[[StreamEvent], Any] | Callable[[StreamEvent], Awaitable[Any]]

MAX_DEAD_LETTERS = 1_000

EVENTS_BETWEEN_TURNS = 64
"""So many events are given to a coroutine callback before other tasks on its loop surely get a turn."""

POLL_SECONDS = 0.001
"""How often `drain` looks again at what another thread is delivering."""


class DeadLetter(NamedTuple):
    """Something that could not be handled, kept so that it can be looked at.

    event: the event, or the raw input that was never an event. error: why. subscription: whose callback
    raised, or "" for refused input.
    """

    event: Any
    error: BaseException
    subscription: str = ""


class EventStream:
    """A bounded in-memory log of events; safe to use from several threads, with or without an event loop.

    max_size: how many events are held; the oldest goes when one more comes.
    """

    def __init__(self, name: str, max_size: int = 10_000) -> None:
        if not isinstance(max_size, int) or max_size < 1:
            raise ValueError(f"max_size is {shorten(max_size)}; a stream holds at least 1 event.")
        self.name = name
        self.max_size = max_size
        self.dead_letters: deque[DeadLetter] = deque(maxlen=MAX_DEAD_LETTERS)
        self._held: list[StreamEvent] = []  # a ring: offset o stands at o % max_size
        self._next = 0
        self._lock = threading.Lock()
        self._subscriptions: tuple[Subscription, ...] = ()

    def __repr__(self) -> str:
        return f"EventStream({self.name!r}, offsets {self.first_offset}…{self.next_offset})"

    def __len__(self) -> int:
        return len(self._held)

    @property
    def first_offset(self) -> int:
        """Offset of the oldest event held; equal to `next_offset` when the stream is empty."""
        return max(0, self._next - self.max_size)

    @property
    def next_offset(self) -> int:
        """Offset that the next published event will get: the number of events ever published."""
        return self._next

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """Those that are open, in order of subscribing."""
        return self._subscriptions

    def publish(self, event: StreamEvent) -> int:
        """Append an event and give its offset. Raises TypeError for anything that is not an event.

        Plain callbacks have seen the event when this returns, except when called from inside a callback:
        then they see it next.
        """
        if not isinstance(event, StreamEvent):
            raise TypeError(f"a stream carries events, not {shorten(event)}; build one, or use publish_json.")
        with self._lock:
            offset = self._next
            if len(self._held) < self.max_size:
                self._held.append(event)
            else:
                self._held[offset % self.max_size] = event
            self._next = offset + 1
        _deliver(self)
        return offset

    def publish_json(self, raw: bytes | str) -> int:
        """Append the event that `to_json` wrote; for input from outside, which may be anything.

        What is not a valid event is kept in `dead_letters`, and InvalidEvent is raised.
        """
        try:
            event = StreamEvent.from_json(raw)
        except InvalidEvent as error:
            self.reject(raw, error)
            raise
        return self.publish(event)

    def reject(self, raw: Any, error: BaseException) -> None:
        """Keep refused input with its error in `dead_letters`; the stream goes on."""
        self.dead_letters.append(DeadLetter(raw, error))

    def subscribe(self, callback: Callback, *, from_offset: int | None = None, name: str | None = None) -> Subscription:
        """Call `callback` with each event from `from_offset` on, in order, one at a time.

        callback: a function, or a coroutine function. from_offset: None for "from the next event on"; what is
        no longer held counts as missed. Raises ValueError for an offset beyond the end.
        """
        if not callable(callback):
            raise TypeError(f"callback is {shorten(callback)}; a function of one event is needed.")
        with self._lock:
            start = self._next if from_offset is None else from_offset
            if not isinstance(start, int) or not 0 <= start <= self._next:
                raise ValueError(f"from_offset is {shorten(start)}; 0 to {self._next} can be read here.")
            subscription = Subscription(self, callback, start, name or _name_of(callback))
            self._subscriptions += (subscription,)
        _deliver(self)
        return subscription

    async def drain(self) -> None:
        """Return when every subscription has caught up with the end of the stream.

        Raises LabError inside a callback of the stream, which it would wait for.
        """
        if _deliveries.running or any(s._is_current_task() for s in self._subscriptions):
            raise LabError("drain() inside a callback would wait for that callback; publish and return instead.")
        while behind := [s for s in self._subscriptions if s.lag > 0 or s._at_work()]:
            for subscription in behind:
                await subscription._progress()

    def get_recent_events(self, count: int = 100) -> list[StreamEvent]:
        """The last `count` events held, newest last."""
        with self._lock:
            first = max(self.first_offset, self._next - max(0, count))
            return [self._held[offset % self.max_size] for offset in range(first, self._next)]


class Subscription:
    """A position in a stream, and the callback that is given what comes after it.

    position: offset of the next event to be delivered. delivered: events handed to the callback, failed ones
    among them. errors: those for which it raised or was cancelled.
    """

    def __init__(self, stream: EventStream, callback: Callback, position: int, name: str) -> None:
        self.name = name
        self.position = position
        self.delivered = 0
        self.errors = 0
        self.closed = False
        self._stream = stream
        self._callback = callback
        self._missed = 0
        self._is_async = _is_coroutine_function(callback)
        self._turn = threading.Lock()  # plain callbacks: held while delivering
        self._loop = _running_loop() if self._is_async else None  # coroutine callbacks: where they run
        self._task: asyncio.Task[None] | None = None  # there while something is to be delivered
        self._wake_is_due = False

    def __repr__(self) -> str:
        return (
            f"Subscription({self.name!r} on {self._stream.name!r}: position {self.position}, lag {self.lag}, "
            f"delivered {self.delivered}, errors {self.errors}, missed {self.missed})"
        )

    @property
    def lag(self) -> int:
        """How many published events this subscription has not been given yet."""
        return 0 if self.closed else self._stream.next_offset - self.position

    @property
    def missed(self) -> int:
        """Events that fell off the log before this subscription was given them."""
        with self._stream._lock:
            return self._missed + (0 if self.closed else self._fallen_off())

    def close(self) -> None:
        """Deliver nothing more; the event at hand is finished. Safe to call twice, also from the callback."""
        stream = self._stream
        with stream._lock:
            if not self.closed:
                self._skip_what_fell_off()
            self.closed = True
            stream._subscriptions = tuple(s for s in stream._subscriptions if s is not self)

    # -- plain callbacks --

    def _deliver_here(self, end: int) -> None:
        """Call back for each event before the offset `end`."""
        with self._turn:
            while self.position < end and (event := self._take(end)) is not None:
                try:
                    result = self._callback(event)
                    if result is not None:
                        _refuse_coroutine(result)
                except BaseException as error:
                    self._failed(event, error)
                    if not isinstance(error, (Exception, asyncio.CancelledError)):
                        raise  # Ctrl-C: recorded, and not ours to swallow

    # -- coroutine callbacks --

    def _wake(self) -> None:
        """See to it that the event loop delivers what is there; with no loop yet, `drain` will."""
        running = _running_loop()
        with self._stream._lock:
            if running is not None and self._needs_a_loop():
                self._loop, self._task, self._wake_is_due = running, None, False
            loop = self._loop
        if loop is None:
            return
        if loop is running:
            self._start()
        elif not self._wake_is_due:
            self._wake_is_due = True
            with contextlib.suppress(RuntimeError):  # closed; the next publish or drain on a running loop takes over
                loop.call_soon_threadsafe(self._start)

    def _needs_a_loop(self) -> bool:
        """Whether its loop is gone; one that only pauses in the middle of an event is waited for."""
        loop = self._loop
        return loop is None or loop.is_closed() or not (loop.is_running() or self._at_work())

    def _start(self) -> None:
        self._wake_is_due = False
        if self._loop is _running_loop() and not self._at_work() and self.lag > 0:
            self._task = asyncio.ensure_future(self._deliver_on_loop())

    async def _deliver_on_loop(self) -> None:
        while (event := self._take()) is not None:
            try:
                await self._callback(event)
            except BaseException as error:
                self._failed(event, error)
                if not _came_from_the_callback(error):
                    raise
            if self.delivered % EVENTS_BETWEEN_TURNS == 0:
                await asyncio.sleep(0)

    # -- both --

    def _at_work(self) -> bool:
        return self._turn.locked() or (self._task is not None and not self._task.done())

    def _is_current_task(self) -> bool:
        return self._task is not None and self._task is asyncio.current_task()

    async def _progress(self) -> None:
        """Return when there is reason to look again how far this subscription is."""
        if self._is_async:
            self._wake()
        elif not self._turn.locked():  # waiting for a lock that another thread holds would stop this loop
            _deliver(self._stream)
        if self._task is not None and self._task.get_loop() is asyncio.get_running_loop():
            await asyncio.wait([self._task])
        else:
            await asyncio.sleep(POLL_SECONDS if self._at_work() else 0)

    def _take(self, end: int | None = None) -> StreamEvent | None:
        """The next event, which counts as delivered from now on; None at the end, or when closed."""
        stream = self._stream
        with stream._lock:
            if self.closed:
                return None
            if self.position < stream._next - stream.max_size:
                self._skip_what_fell_off()
            if self.position >= (stream._next if end is None else end):
                return None
            event = stream._held[self.position % stream.max_size]
            self.position += 1
            self.delivered += 1
            return event

    def _fallen_off(self) -> int:
        return max(0, self._stream.first_offset - self.position)

    def _skip_what_fell_off(self) -> None:
        fallen_off = self._fallen_off()
        self._missed += fallen_off
        self.position += fallen_off

    def _failed(self, event: StreamEvent, error: BaseException) -> None:
        self.errors += 1
        self._stream.dead_letters.append(DeadLetter(event, error, self.name))


def _name_of(callback: Callback) -> str:
    return str(getattr(callback, "__name__", type(callback).__name__))


def _is_coroutine_function(callback: Callback) -> bool:
    while isinstance(callback, functools.partial):
        callback = callback.func
    return inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(type(callback).__call__)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _came_from_the_callback(error: BaseException) -> bool:
    """Whether a callback failed or awaited something cancelled; not Ctrl-C, nor the end of the loop."""
    if isinstance(error, asyncio.CancelledError):
        cancelling = getattr(asyncio.current_task(), "cancelling", None)  # Python 3.10 can't tell
        return cancelling is not None and not cancelling()
    return isinstance(error, Exception)


def _refuse_coroutine(result: Any) -> None:
    """A plain function that gives a coroutine (`lambda e: handle(e)`) would look as if it had done its work."""
    if inspect.iscoroutine(result):
        result.close()
        raise LabError("the callback gave a coroutine nobody awaits; subscribe the coroutine function itself.")


class _Deliveries(threading.local):
    """Per thread: the streams with something to deliver, and whether this thread is delivering already."""

    def __init__(self) -> None:
        self.waiting: deque[EventStream] = deque()
        self.running = False


_deliveries = _Deliveries()


def _deliver(stream: EventStream) -> None:
    """Hand out what is new on the stream: now, or after the delivery that this call comes from."""
    if not stream._subscriptions:
        return
    here = _deliveries
    if stream not in here.waiting:
        here.waiting.append(stream)
    if here.running:
        return
    here.running = True
    try:
        while here.waiting:
            stream = here.waiting.popleft()
            end = stream.next_offset  # what callbacks publish from here on waits until all have come this far
            for subscription in stream._subscriptions:
                if subscription._is_async:
                    subscription._wake()
                else:
                    subscription._deliver_here(end)
    finally:
        here.running = False
        here.waiting.clear()
