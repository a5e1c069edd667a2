"""Keys, acks and commit points, judged by what becomes of events on three real brokers when things break.

What can be told without a broker is told at once: settings that Kafka does not know, keys that are none, and orders
of events that no log allows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import permutations
from typing import Any, NamedTuple

from kafka.errors import KafkaError

from recsys_lab.errors import BrokerError, shorten
from recsys_lab.kafka.broker import LocalKafka
from recsys_lab.study.questions.beginner_2 import trials
from recsys_lab.study.questions.beginner_2.brokers import three_brokers
from recsys_lab.study.questions.beginner_2.traffic import STEPS, Event, orders, views
from recsys_lab.study.questions.beginner_2.trials import Handled
from recsys_lab.study.report import NotAttempted, NotYet, expect, expect_kind, given

SECONDS = 400.0
IN_PLACE = True
LEAST_SHARE = 0.3
ACKS: Mapping[Any, int | str] = {0: 0, "0": 0, 1: 1, "1": 1, -1: "all", "-1": "all", "all": "all"}
"""As people write it → as the client takes it."""

COMMITS = ("before", "after")
EVENTS = ("a1", "a2", "b1")
"""Of orders a and b, in the order in which they were sent."""


class Flow(NamedTuple):
    """What is chosen for one of the two streams of events, with the key of each event."""

    name: str
    events: Sequence[Event]
    keys: Sequence[str | bytes | None]
    acks: int | str
    commit: str


def check(answer: Any) -> str:
    """The answer is a dict: orders and views, each with key, acks, commit; and possible, a list of orders."""
    expect_kind(answer, dict, "a dict with orders, views and possible")
    for name in ("orders", "views", "possible"):
        expect(name in answer, f"`{name}` is missing; a dict with orders, views and possible is needed.")
    _attempted(answer)
    flows = [_flow(name, events, answer[name]) for name, events in (("orders", orders()), ("views", views()))]
    _possible(answer["possible"])
    try:
        with three_brokers() as kafka:
            return _tried(kafka, *flows)
    except (BrokerError, KafkaError) as error:
        raise NotYet(f"the brokers failed, which is no fault of yours; hand in again. ({error})") from error


def _tried(kafka: LocalKafka, of_orders: Flow, of_views: Flow) -> str:
    seen = trials.handled(kafka.bootstrap_servers, {flow.name: flow.keys for flow in (of_orders, of_views)})
    for run in seen["orders"]:
        _in_order(of_orders.events, run)
    most = max(_shared(flow, seen[flow.name][0]) for flow in (of_orders, of_views))
    _nothing_undone(kafka, of_orders)
    _nothing_twice(kafka, of_views)
    _nobody_waits(kafka, of_views)
    kept = _nothing_lost(kafka, of_orders)
    return (
        f"every order's steps came in order, and no consumer had more than {most:.0%} of the work. With the leader "
        f"killed none of {kept} acknowledged events was lost; with a consumer killed no order was left undone, and no "
        "view was counted twice; and the page waited for nobody."
    )


def _nothing_undone(kafka: LocalKafka, flow: Flow) -> None:
    copies = trials.copies_after_a_crash(kafka.bootstrap_servers, flow.commit)
    lost = list(copies.index[copies == 0])
    if lost:
        raise NotYet(
            f"{flow.name}: a consumer was killed in the middle of its work and started again. Event {lost[0]} was "
            f"never done, and {len(lost)} of {len(copies)} in all: for Kafka they were done before their work was."
        )


def _nothing_twice(kafka: LocalKafka, flow: Flow) -> None:
    copies = trials.copies_after_a_crash(kafka.bootstrap_servers, flow.commit)
    doubled = list(copies.index[copies > 1])
    if doubled:
        raise NotYet(
            f"{flow.name}: a consumer was killed in the middle of its work and started again. View {doubled[0]} was "
            f"counted twice, and {len(doubled)} of {len(copies)} in all: Kafka did not know yet that they were done."
        )


def _nobody_waits(kafka: LocalKafka, flow: Flow) -> None:
    done = trials.done_while_the_leader_stands_still(kafka, flow.acks)
    expect(
        done == trials.SOME,
        f"{flow.name}: a broker stood still for {trials.STILL_SECONDS:g} seconds, and the page with it: of "
        f"{trials.SOME} views sent meanwhile, the producer was done with {done}.",
    )


def _nothing_lost(kafka: LocalKafka, flow: Flow) -> int:
    """How many records were acknowledged, all of which are still there."""
    gone, acknowledged = trials.lost_with_the_leader(kafka, flow.acks)
    if gone:
        raise NotYet(
            f"{flow.name}: the leader died while the other brokers were a moment behind. The producer had called "
            f"{acknowledged} events sent, and {len(gone)} of them are gone, among them number {gone[0] + 1}."
        )
    return acknowledged


def _attempted(answer: Mapping[str, Any]) -> None:
    """Raise NotAttempted where something is still the stub's."""
    given(answer["possible"])
    for name in ("orders", "views"):
        if isinstance(answer[name], Mapping):
            for each in answer[name].values():
                given(each)
        given(answer[name])


def _flow(name: str, events: Sequence[Event], chosen: Any) -> Flow:
    """The choice, when it is one; raises NotYet at the first thing that cannot be."""
    expect_kind(chosen, dict, f"{name}: a dict with key, acks and commit")
    for part in ("key", "acks", "commit"):
        expect(part in chosen, f"{name}: `{part}` is missing.")
    key, acks, commit = chosen["key"], chosen["acks"], chosen["commit"]
    expect(callable(key), f"{name}: key is {shorten(key)}; a function from an event to its key is needed.")
    keys = [_key(name, key, event) for event in events]
    known = isinstance(acks, (int, str)) and not isinstance(acks, bool) and acks in ACKS
    expect(known, f'{name}: acks is {shorten(acks)}; Kafka knows 0, 1 and "all".')
    expect(
        isinstance(commit, str) and commit in COMMITS,
        f'{name}: commit is {shorten(commit)}; "before" or "after" the work is needed.',
    )
    return Flow(name, events, keys, ACKS[acks], commit)


def _key(name: str, key: Callable[[Event], Any], event: Event) -> str | bytes | None:
    try:
        made = given(key(event))
    except NotAttempted:
        raise
    except Exception as error:
        raise NotYet(f"{name}: the key of {event} raised {type(error).__name__}: {error}.") from error
    if made is None or isinstance(made, (str, bytes)):
        return made
    raise NotYet(f"{name}: the key of {event} is {shorten(made)}; Kafka takes text, bytes, or None for no key.")


def _possible(named: Any) -> None:
    """The orders of events in which each partition keeps its own: all of them, and no other."""
    texts = [named] if isinstance(named, str) else list(named) if isinstance(named, Iterable) else []
    said = [_names(each) for each in texts]
    expect(bool(said), f"possible is {shorten(named)}; a list of orders such as 'a1 a2 b1' is needed.")
    right = {order for order in permutations(EVENTS) if order.index("a1") < order.index("a2")}
    for order, text in zip(said, texts, strict=True):
        whole = isinstance(order, tuple) and sorted(map(str, order)) == sorted(EVENTS)
        expect(whole, f"possible: {shorten(text)} is no order of a1, a2 and b1, each once, as in 'a1 a2 b1'.")
        expect(
            order in right,
            f"possible: {' '.join(order)} cannot happen: a1 and a2 lie in one partition, which is read from its front.",
        )
    expect(
        set(said) == right,
        f"possible: what you name can happen, and more can (you name {len(set(said))}). One consumer may be slow.",
    )


def _names(order: Any) -> Any:
    """The events that an order names, written as text or as a row."""
    if isinstance(order, str):
        return tuple(order.replace(",", " ").split())
    return tuple(order) if isinstance(order, (list, tuple)) else order


def _in_order(events: Sequence[Event], run: Sequence[Handled]) -> None:
    """Refuse a step of an order that was handled before an earlier one."""
    latest: dict[str, Handled] = {}
    for row in run:
        event, before = events[row.number], latest.get(events[row.number].order)
        if before is not None and before.number > row.number:
            raise NotYet(
                f"orders: {event.order} was “{events[before.number].step}” (consumer {before.consumer}, partition "
                f"{before.partition}) before it was “{event.step}” (consumer {row.consumer}, partition "
                f"{row.partition}); its steps are {', '.join(STEPS)}."
            )
        latest[event.order] = row


def _shared(flow: Flow, run: Sequence[Handled]) -> float:
    """The larger of the two consumers' shares, if it is fair."""
    counts = Counter(row.consumer for row in run)
    busy, most = counts.most_common(1)[0]
    share = most / len(run)
    expect(
        1 - share >= LEAST_SHARE,
        f"{flow.name}: consumer {busy} had {most} of {len(run)} events to handle ({share:.0%}), and the other one the "
        f"rest; at least {LEAST_SHARE:.0%} each is asked for.",
    )
    return share
