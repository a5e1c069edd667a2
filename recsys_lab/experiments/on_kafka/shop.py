"""The shop on Kafka: what a notebook needs to open it, to ask it, and to look at who did what.

The topics of the recommendation system have fixed names. So that an experiment can be run again, they are deleted
first, but only on a broker that the lab has started.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

import msgspec
import pandas as pd
from kafka.admin import MemberToRemove

from recsys_lab.clock import Clock, SimulatedClock
from recsys_lab.engine import Recommendation, StreamingRecommendationEngine
from recsys_lab.events import ItemUpdateEvent, StreamEvent
from recsys_lab.experiments.on_kafka.topics import read_topic
from recsys_lab.experiments.on_kafka.waiting import until
from recsys_lab.experiments.settings import OnKafka
from recsys_lab.experiments.shop import next_morning
from recsys_lab.kafka.broker import LocalKafka
from recsys_lab.kafka.connection import Connection, admin
from recsys_lab.kafka.system import CHANGELOG, GROUPS, TOPICS, KafkaRecommendationSystem
from recsys_lab.kafka.topics import dead_letters_of

PLAIN: dict[str, Any] = {"exploration": 0.0, "cache_ttl": timedelta(0)}
"""For an engine that always computes, and leaves nothing to chance."""

REQUESTS = "recommendation-requests"

_opened: list[KafkaRecommendationSystem] = []


async def forget_shop(kafka: Any) -> None:
    """Stop the instances of `kafka_shop` that still run, and delete what the system keeps in Kafka.

    On a cluster that is not the lab's own nothing is deleted.
    """
    for instance in [shop for shop in _opened if shop.is_running]:
        await instance.stop()
    _opened.clear()
    if isinstance(kafka, LocalKafka):
        await asyncio.get_running_loop().run_in_executor(None, _delete_all, kafka.bootstrap_servers)


def _delete_all(servers: str) -> None:
    ours = {*TOPICS.values(), CHANGELOG}
    with admin(Connection.resolve(servers)) as client:
        there = ours | {dead_letters_of(topic) for topic in ours}
        client.delete_topics(sorted(there & set(client.list_topics())))
        for group in {listed["group_id"] for listed in client.list_groups()} & set(GROUPS.values()):
            members = client.describe_groups([group])[group]["members"]
            if members:  # of an instance that has just stopped: it keeps its place until the session timeout
                names = [member["group_instance_id"] for member in members]
                client.remove_group_members(group, [MemberToRemove(group_instance_id=name) for name in names])
            client.delete_groups([group])


def kafka_shop(kafka: Any, clock: Clock, name: str) -> KafkaRecommendationSystem:
    """An instance of the system, not yet started. name: of the instance, the same after a restart.

    Its engine always computes and leaves nothing to chance, so that answers can be compared.
    """
    shop = KafkaRecommendationSystem(kafka.bootstrap_servers, clock=clock, instance_id=name, engine_options=PLAIN)
    _opened.append(shop)
    return shop


def live_shop(servers: str, clock: Clock, seed: int) -> KafkaRecommendationSystem:
    """An instance with a cache, not yet started; without chance in its answers. `forget_shop` knows of it as well."""
    shop = KafkaRecommendationSystem(servers, clock=clock, seed=seed, engine_options={"exploration": 0.0})
    _opened.append(shop)
    return shop


async def sell(shop: KafkaRecommendationSystem, clock: SimulatedClock, purchases: pd.DataFrame) -> int:
    """Send the items' categories and all purchases, and turn the clock to nine the next morning; how many were sent.

    One customer after the other: the next begins when the changelog has the one before. Otherwise the order of
    customers in the changelog would be another on every run, and the last digit of some score with it.
    purchases: as `datasets.load` gives them.
    """
    setting, items = OnKafka(shop, clock), purchases.drop_duplicates("item_id")
    before = shop.metrics()["folded"]
    await setting.categorise(dict(zip(items["item_id"], items["category"], strict=True)))
    rows = purchases.astype({"user_id": str, "interaction_value": float}).itertuples(index=False)
    sent = before + len(items)
    for _, basket in groupby(rows, key=lambda row: row.user_id):
        bought = list(basket)
        await setting.tell(bought)
        sent += len(bought)
        await until(lambda sent=sent: shop.metrics()["folded"] >= sent)  # type: ignore[misc]
    clock.set(next_morning(clock.now()))
    return len(purchases)


async def ask(shop: KafkaRecommendationSystem, user_id: str, count: int = 10) -> list[Recommendation]:
    """Send a request, and await the response that belongs to it."""
    request_id = await shop.request_recommendations(user_id, count)
    response = await shop.await_response(request_id, timedelta(seconds=30))
    return [Recommendation.from_dict(fields) for fields in response.recommendations]


async def fold_changelog(servers: str, clock: Clock) -> StreamingRecommendationEngine:
    """A new engine in memory that has folded the changelog, and nothing else. clock: the time at which it answers."""
    engine = StreamingRecommendationEngine(clock=clock, **PLAIN)
    await engine.start()
    for value in read_topic(servers, CHANGELOG)["value"]:
        event = StreamEvent.from_json(value)
        if isinstance(event, ItemUpdateEvent):
            engine.apply_item_update(event)
        else:
            engine.event_streams["interactions"].publish(event)
    return engine


async def _ask_all(shop: KafkaRecommendationSystem, users: Sequence[str]) -> dict[str, tuple[str, list[str]]]:
    async def one(user_id: str) -> tuple[str, list[str]]:
        request_id = await shop.request_recommendations(user_id)
        response = await shop.await_response(request_id, timedelta(seconds=30))
        return request_id, [fields["item_id"] for fields in response.recommendations]

    return dict(zip(users, await asyncio.gather(*map(one, users)), strict=True))


async def answers(shop: KafkaRecommendationSystem, users: Sequence[str]) -> pd.DataFrame:
    """A request of each user, and who answered it.

    Columns: user, partition (of the request), instance (the one that has this partition), answers (responses to the
    request in the topic), items (the list).
    """
    asked = await _ask_all(shop, users)
    servers = shop.connection.bootstrap_servers
    requests = read_topic(servers, REQUESTS)
    ids = requests["value"].map(lambda value: msgspec.json.decode(value)["event_id"])
    place = dict(zip(ids, requests["partition"], strict=True))
    said = read_topic(servers, TOPICS["RECOMMENDATION_RESPONSES"])["value"]
    counts = said.map(lambda value: msgspec.json.decode(value)["request_id"]).value_counts()
    owners = _owners(servers)
    rows = [
        (user, place[request_id], owners[place[request_id]], int(counts[request_id]), items)
        for user, (request_id, items) in asked.items()
    ]
    return pd.DataFrame(rows, columns=["user", "partition", "instance", "answers", "items"])


def _owners(servers: str) -> dict[int, str]:
    """Partition of the requests → the instance that has it."""
    group = GROUPS[REQUESTS]
    with admin(Connection.resolve(servers)) as client:
        members = client.describe_groups([group])[group]["members"]
    return {
        partition: str(member["group_instance_id"]).removesuffix(_suffix(member["group_instance_id"], group))
        for member in members
        for assigned in member["member_assignment"]["assigned_partitions"]
        for partition in assigned["partitions"]
    }


def _suffix(instance: str, group: str) -> str:
    return instance[instance.index(f"-{group}") :]
