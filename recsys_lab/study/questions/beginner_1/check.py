"""Events are published, one after the other, and after each the traffic of every part is compared with what is due.

What is due comes from a model of the rules that knows nothing of streams: a recommender that is told and asked
directly, a set of items for each user, and a dictionary of answers with their ages.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from recsys_lab.clock import SimulatedClock
from recsys_lab.errors import shorten
from recsys_lab.events import (
    RecommendationRequestEvent,
    RecommendationResponseEvent,
    UserInteractionEvent,
    UserProfileUpdateEvent,
    interaction_weight,
)
from recsys_lab.recommend import ItemNeighbours, RecommendationCache
from recsys_lab.streams import EventStream
from recsys_lab.study.report import NotAttempted, NotYet, expect, given
from recsys_lab.study.shrink import smallest

SECONDS = 30.0
TRIES = 150
STREAMS = ("interactions", "profiles", "requests", "responses")
HELD = 16
"""Events that a stream holds: who reads the log only when asked finds that its beginning is gone."""
TTL = timedelta(minutes=5)
FAILS = "eve"
"""The user for whom the recommender fails."""
ROUNDS = 10
BURST = ("ann", "bob", FAILS, "ann", "cas")


class Step(NamedTuple):
    """Something that happens. what: a type of interaction, "asks", or "waits"; late: minutes it was under way.

    device, without: what a request says in its context and in its filters; neither changes what is best.
    """

    what: str
    user: str = ""
    item: str = ""
    number: int = 0
    late: int = 0
    device: str = ""
    without: str = ""

    def __str__(self) -> str:
        if self.what == "waits":
            return f"{self.number} minutes pass"
        if self.what == "asks":
            context = f" with the context device={self.device}" if self.device else ""
            filters = f" with the filter exclude_items={self.without}" if self.without else ""
            return f"{self.user} asks for {self.number}{context}{filters}"
        return f"{self.user} {self.what}s {self.item}" + (f" ({self.late} minutes ago)" if self.late else "")


def check(wire: Callable[..., Any]) -> str:
    """`wire` subscribes to streams."""
    for situation, steps in _situations():
        if _fault(wire, steps) is not None:
            small, said = smallest(steps, lambda some: _fault(wire, some), tries=TRIES)
            raise NotYet(f"{situation}: {said} What happened: {'; '.join(map(str, small))}.")
    asyncio.run(_answers_a_burst(wire))
    asyncio.run(_knows_the_latest(wire))
    return "every interaction was learned, announced and reflected in the next answer; every request was answered once."


class Watched(ItemNeighbours):
    """A recommender that takes notes of what it is told, and as of when it is asked; it fails for one user."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, str, float, datetime]] = []
        self.asked: list[datetime] = []

    def observe(self, user_id: str, item_id: str, weight: float, at: datetime) -> None:
        self.told.append((user_id, item_id, weight, at))
        super().observe(user_id, item_id, weight, at)

    def recommend(
        self, user_id: str, n: int, *, at: datetime, exclude: Collection[str] = ()
    ) -> list[tuple[str, float]]:
        self.asked.append(at)
        if user_id == FAILS:
            raise RuntimeError(f"nothing can be computed for {FAILS}")
        return super().recommend(user_id, n, at=at, exclude=exclude)


class Due(NamedTuple):
    """What a request must be answered with; why it must be computed anew, where it must."""

    items: list[str]
    from_cache: bool
    because: str = ""


class Rules:
    """What is right, with no streams at all."""

    def __init__(self) -> None:
        self._recommender = ItemNeighbours()
        self.touched: dict[str, Counter[str]] = {}
        self._kept: dict[Step, tuple[datetime, list[str]]] = {}
        self._dropped: set[Step] = set()

    def interaction(self, event: UserInteractionEvent) -> None:
        weight = interaction_weight(event.interaction_type)
        self._recommender.observe(event.user_id, event.item_id, weight, event.timestamp)
        self.touched.setdefault(event.user_id, Counter())[event.item_id] += 1
        for asked in [asked for asked in self._kept if asked.user == event.user_id]:
            del self._kept[asked]
            self._dropped.add(asked)

    def request(self, step: Step, now: datetime) -> Due:
        user = step.user
        if user == FAILS:
            return Due([], from_cache=False, because="it could not be computed before either")
        kept = self._kept.get(step)
        if kept is not None and now - kept[0] < TTL:
            return Due(kept[1], from_cache=True)
        because = f"{user} has done something since" if step in self._dropped else "the same was not asked before"
        if kept is not None:
            because = "it is older than five minutes"
        found = self._recommender.recommend(user, step.number, at=now, exclude=self.touched.get(user, {}))
        items = [item for item, _ in found]
        self._kept[step] = now, items
        self._dropped.discard(step)
        return Due(items, from_cache=False, because=because)


class Shop:
    """The parts that the answer wires, each of them watched, and the rules beside them."""

    def __init__(self) -> None:
        self.clock = SimulatedClock(datetime.fromisoformat("2026-01-01T09:00:00+00:00"))
        self.streams = {name: EventStream(name, max_size=HELD) for name in STREAMS}
        self.recommender = Watched()
        self.cache = RecommendationCache(TTL, timer=self.clock.now)
        self.rules = Rules()
        self._number = 0

    async def wired(self, wire: Callable[..., Any]) -> Shop:
        result = wire(self.streams, self.recommender, self.cache, self.clock)
        given(await result if inspect.isawaitable(result) else result)
        return self

    def ends(self) -> dict[str, int]:
        return {name: stream.next_offset for name, stream in self.streams.items()}

    async def settle(self) -> None:
        """Until nothing moves any more."""
        for _ in range(ROUNDS):
            before = self.ends()
            for stream in self.streams.values():
                await stream.drain()
            for _ in range(ROUNDS):
                await asyncio.sleep(0)
            if self.ends() == before:
                return

    def request(self, step: Step) -> RecommendationRequestEvent:
        return RecommendationRequestEvent(
            event_id=self._id(), timestamp=self.clock.now(), user_id=step.user, num_recommendations=step.number,
            request_context={"device": step.device} if step.device else {},
            filters={"exclude_items": [step.without]} if step.without else {},
        )  # fmt: skip

    def interaction(self, step: Step) -> UserInteractionEvent:
        return UserInteractionEvent(
            event_id=self._id(), timestamp=self.clock.now() - timedelta(minutes=step.late), user_id=step.user,
            item_id=step.item, interaction_type=step.what,
        )  # fmt: skip

    def why(self) -> str:
        """What a stream has kept of a callback that failed, for the report."""
        letters = [(name, letter) for name, stream in self.streams.items() for letter in stream.dead_letters]
        if not letters:
            return ""
        name, letter = letters[-1]
        return f" In dead_letters of {name}: {type(letter.error).__name__}: {str(letter.error).rstrip('.')}."

    def _id(self) -> str:
        self._number += 1
        return f"evt-{self._number}"


def _fault(wire: Callable[..., Any], steps: Sequence[Step]) -> str | None:
    """What goes wrong first, or None."""
    try:
        asyncio.run(_play(wire, steps))
    except NotAttempted:
        raise
    except NotYet as seen:
        return str(seen)
    except Exception as error:
        return f"it raised {type(error).__name__}: {error}."
    return None


async def _play(wire: Callable[..., Any], steps: Sequence[Step]) -> None:
    """Raises NotYet at the first step after which the traffic is not what is due."""
    shop = await Shop().wired(wire)
    for step in steps:
        if step.what == "waits":
            shop.clock.advance(timedelta(minutes=step.number))
        elif step.what == "asks":
            await _ask(shop, step)
        else:
            await _interact(shop, step)
        shop.clock.advance(timedelta(seconds=1))


async def _interact(shop: Shop, step: Step) -> None:
    event, before = shop.interaction(step), shop.ends()
    learned = len(shop.recommender.told)
    shop.rules.interaction(event)
    shop.streams["interactions"].publish(event)
    await shop.settle()
    told = shop.recommender.told[learned:]
    right = (step.user, step.item, interaction_weight(step.what), event.timestamp)
    expect(
        len(told) == 1,
        f"after “{step}” the recommender had been told of {len(told)} interactions; 1 is due.{shop.why()}",
    )
    for name, said, due in zip(("user", "item", "weight", "time"), told[0], right, strict=True):
        expect(said == due, f"“{step}” was learned with the {name} {_short(said)}; its own is {_short(due)}.")
    _only(shop, before, {"interactions": 1, "profiles": 1}, step)
    (update,) = shop.streams["profiles"].get_recent_events(1)
    items = dict(shop.rules.touched[step.user])
    expect(
        isinstance(update, UserProfileUpdateEvent) and update.user_id == step.user,
        f"after “{step}” {step.user}'s new profile is due on profiles, and this was published: {shorten(update, 90)}.",
    )
    assert isinstance(update, UserProfileUpdateEvent)
    said = update.profile.get("items")
    expect(
        said == items,
        f"after “{step}” {step.user}'s profile has the items {items}, and the one that was published has "
        f"{shorten(said, 90)}.",
    )


async def _ask(shop: Shop, step: Step) -> None:
    request, before = shop.request(step), shop.ends()
    due = shop.rules.request(step, shop.clock.now())
    asked, hits = len(shop.recommender.asked), shop.cache.stats()["hits"]
    shop.streams["requests"].publish(request)
    await shop.settle()
    _only(shop, before, {"requests": 1, "responses": 1}, step)
    (response,) = shop.streams["responses"].get_recent_events(1)
    expect(
        isinstance(response, RecommendationResponseEvent) and response.request_id == request.event_id,
        f"the response to “{step}” must carry the request's id, {request.event_id}; it is {shorten(response, 90)}.",
    )
    assert isinstance(response, RecommendationResponseEvent)
    _came_from_where_it_should(shop, step, response, due, shop.cache.stats()["hits"] - hits)
    items = _items_of(response)
    told = f"the answer to “{step}” is {shorten(items, 90)}"
    again = [item for item in items if item in shop.rules.touched.get(step.user, ())]
    expect(not again, f"{told}; {step.user} has {again[0] if again else ''} already.")
    expect(len(items) <= step.number, f"{told}; that is more than was asked for.")
    expect(items == due.items, f"{told}; the recommender's best are {shorten(due.items, 90)}.{_error_of(response)}")
    times = shop.recommender.asked[asked:]
    expect(not (due.from_cache and times), f"“{step}” is in the cache, and the recommender was asked all the same.")
    other = next((at for at in times if at != request.timestamp), None)
    expect(
        other is None,
        f"for “{step}” the recommender was asked what is best at {_short(other)}; the clock that you were given says "
        f"{_short(request.timestamp)}.",
    )


def _came_from_where_it_should(
    shop: Shop, step: Step, response: RecommendationResponseEvent, due: Due, hits: int
) -> None:
    if due.from_cache:
        expect(
            response.from_cache,
            f"“{step}”: the same was asked before, and nothing has happened since that concerns {step.user}; the "
            "answer should come from the cache, and it was computed anew.",
        )
        expect(hits > 0, f"“{step}”: the answer says that it is from the cache, but the one you were given had no hit.")
    else:
        expect(not response.from_cache, f"“{step}”: the answer came from the cache, and it may not: {due.because}.")


def _only(shop: Shop, before: Mapping[str, int], due: Mapping[str, int], step: Step) -> None:
    """Refuse more or fewer events on any stream than are due."""
    after = shop.ends()
    for name in STREAMS:
        came, wanted = after[name] - before[name], due.get(name, 0)
        expect(
            came == wanted,
            f"after “{step}” the stream {name} has {came} more event{'s' * (came != 1)}; {wanted} is due."
            + (shop.why() if came < wanted else ""),
        )


async def _answers_a_burst(wire: Callable[..., Any]) -> None:
    """Requests that come all at once are answered, each with its own response."""
    shop = await Shop().wired(wire)
    shop.streams["interactions"].publish(shop.interaction(Step("purchase", "bob", "lamp")))
    await shop.settle()
    requests = [shop.request(Step("asks", user, number=2)) for user in BURST]
    for request in requests:
        shop.streams["requests"].publish(request)
    await shop.settle()
    responses = shop.streams["responses"].get_recent_events(HELD)
    answered = Counter(getattr(response, "request_id", None) for response in responses)
    for request in requests:
        expect(
            answered[request.event_id] == 1,
            f"{len(requests)} requests came at once, and that of {request.user_id} has {answered[request.event_id]} "
            f"responses; 1 is due.{shop.why()}",
        )


async def _knows_the_latest(wire: Callable[..., Any]) -> None:
    """Who does something and asks in the same breath gets an answer that reflects it."""
    shop = await Shop().wired(wire)
    for item in ("lamp", "mug"):
        shop.streams["interactions"].publish(shop.interaction(Step("purchase", "bob", item)))
        await shop.settle()
    asks = Step("asks", "ann", number=2)
    shop.streams["requests"].publish(shop.request(asks))
    await shop.settle()
    view = Step("view", "ann", "lamp")
    shop.streams["interactions"].publish(shop.interaction(view))
    shop.streams["requests"].publish(shop.request(asks))
    await shop.settle()
    (response,) = shop.streams["responses"].get_recent_events(1)
    assert isinstance(response, RecommendationResponseEvent)
    items = _items_of(response)
    expect(
        items == ["mug"],
        f"“{view}”, and right after it “{asks}”, with no pause between the two: the answer is {items}, as if the view "
        "had not been yet; it must be ['mug'].",
    )


def _items_of(response: RecommendationResponseEvent) -> list[Any]:
    return [each.get("item_id") if isinstance(each, Mapping) else each for each in response.recommendations]


def _error_of(response: RecommendationResponseEvent) -> str:
    return f" The response tells of an error: {response.data['error']}." if "error" in response.data else ""


def _short(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else shorten(value)


def _situations() -> list[tuple[str, list[Step]]]:
    buys = [Step("purchase", user, item) for user in ("bob", "cas", "dan") for item in ("lamp", "mug", "rug", "bag")]
    views = [Step("view", "ann", "lamp")]
    asks = [Step("asks", "ann", number=3)]
    return [
        ("an interaction", [*buys[:2], *views]),
        ("the same once more, wired to other streams", [*buys[:2], *views]),
        ("an answer", [*buys, *asks]),
        ("the same request again", [*buys, *asks, *asks]),
        ("an interaction between two requests", [*buys, *asks, *views, *asks]),
        ("one user's interaction, another's answer", [*buys, *asks, Step("click", "cas", "toy"), *asks]),
        ("the same user asks for fewer, then for more", [*buys, Step("asks", "ann", number=1), *asks]),
        ("an answer that has grown old", [*buys, *asks, Step("waits", number=6), *asks]),
        ("an interaction that was under way for a while", [*buys, Step("view", "ann", "mug", late=90)]),
        ("a recommender that fails for one user", [*buys, Step("asks", FAILS, number=3), *asks]),
        ("the same user asks with another context", [*buys, *asks, asks[0]._replace(device="phone")]),
        ("the same user asks with other filters", [*buys, *asks, asks[0]._replace(without="sofa")]),
        ("a busy morning", _mixed(Random(1), 60)),
    ]


def _mixed(random: Random, count: int) -> list[Step]:
    steps = []
    for _ in range(count):
        user, item = random.choice(("ann", "bob", "cas")), random.choice(("lamp", "mug", "rug", "bag", "toy", "cup"))
        steps.append(
            random.choice([
                Step(random.choice(("view", "click", "purchase")), user, item),
                Step("asks", user, number=random.choice((2, 3))),
                Step("asks", random.choice((user, user, FAILS)), number=3),
                Step("waits", number=random.choice((1, 4))),
            ])
        )  # fmt: skip
    return steps
