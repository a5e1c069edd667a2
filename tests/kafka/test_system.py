"""The recommendation system on a real broker: one instance or two, stopped, killed and started again."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource
from kafka.protocol.metadata import CoordinatorType

from recsys_lab import profiles
from recsys_lab.clock import SimulatedClock
from recsys_lab.engine import StreamingRecommendationEngine
from recsys_lab.errors import BrokerError, InvalidEvent, LabError
from recsys_lab.events import ItemUpdateEvent
from recsys_lab.kafka import Connection, KafkaRecommendationSystem, LocalKafka, NoResponse, system
from recsys_lab.kafka.follower import TopicFollower
from tests.builders import clock_time
from tests.kafka.helpers import by_user, environment, eventually, read, write
from tests.kafka.lives import a_system_schedule
from tests.kafka.systems import LONG, System, a_system, ask, ask_all, folded, state, unique

pytestmark = pytest.mark.integration

NO_CACHE = {"cache_ttl": timedelta(0)}
SOME = [
    (f"user-{number % 5}", f"item-{number * 7 % 11}", ["view", "click", "purchase"][number % 3]) for number in range(40)
]


@pytest.fixture
def fresh() -> Iterator[LocalKafka]:
    """A broker that was never used."""
    with LocalKafka() as kafka:
        yield kafka


async def send_all(system: KafkaRecommendationSystem, interactions: list[tuple[str, str, str]]) -> None:
    for user_id, item_id, interaction_type in interactions:
        await system.send_user_interaction(user_id, item_id, interaction_type)


# -- one instance -------------------------------------------------------------------------------------------------


def test_topics_groups_partitions_and_compaction_are_as_the_specification_says(clean):
    assert System.TOPICS == {
        "USER_INTERACTIONS": "user-interactions",
        "RECOMMENDATION_REQUESTS": "recommendation-requests",
        "RECOMMENDATION_RESPONSES": "recommendation-responses",
        "USER_PROFILES": "user-profiles",
        "ITEM_UPDATES": "item-updates",
    }

    async def main() -> None:
        async with a_system(clean):
            admin = AdminClient({"bootstrap.servers": clean.bootstrap_servers})
            found = admin.list_topics(timeout=30).topics
            groups = {group.group_id for group in admin.list_consumer_groups().result(30).valid}
            resources = [ConfigResource(ConfigResource.Type.TOPIC, topic) for topic in System.TOPICS.values()]
            configs = {resource.name: made.result(30) for resource, made in admin.describe_configs(resources).items()}
        assert {topic: len(found[topic].partitions) for topic in System.TOPICS.values()} == dict.fromkeys(
            System.TOPICS.values(), 3
        )
        compacted = {topic for topic, config in configs.items() if config["cleanup.policy"].value == "compact"}
        assert compacted == {"user-profiles", "item-updates"}
        assert {"user-interaction-processor", "recommendation-processor", "item-update-processor"} <= groups

    asyncio.run(main())


def test_who_waits_for_a_response_is_told_when_the_instance_stops(clean):
    async def main() -> None:
        system = a_system(clean)
        await system.start()
        waiting = asyncio.ensure_future(system.await_response("req-of-nobody", timeout=timedelta(minutes=5)))
        await asyncio.sleep(0)
        await system.stop()
        with pytest.raises(NoResponse, match="req-of-nobody was not answered: this instance was stopped"):
            await asyncio.wait_for(waiting, 30)

    asyncio.run(main())


def test_users_read_what_they_wrote(clean):
    async def main() -> None:
        async with a_system(clean, engine_options=NO_CACHE) as system:
            await system.send_user_interaction("ann", "lamp", "view")
            await system.send_user_interaction("bob", "desk", "view")
            for number in range(20):
                assert "lamp" not in items_of(await ask(system, "ann"))
                await system.send_user_interaction("bob", f"new-{number}", "purchase")
                shown = items_of(await ask(system, "ann", num_recommendations=1000))
                assert f"new-{number}" in shown, f"{number}: what bob just bought is known to the answer"
                assert system.engine.user_profiles["bob"].interaction_count == number + 2
            assert system.metrics()["answered_behind"] == 0

    asyncio.run(main())


def items_of(recommendations: list[dict[str, Any]]) -> list[str]:
    return [recommendation["item_id"] for recommendation in recommendations]


def test_the_answers_are_those_of_the_engine_in_memory(clean):
    async def main() -> tuple[bytes, Any]:
        async with a_system(clean) as system:
            await system.update_item("item-1", {"category": "home"})
            await send_all(system, SOME)
            return await ask_all(system), state(system.engine)

    answers, after = asyncio.run(main())
    engine = asyncio.run(folded(clean))
    assert state(engine) == after

    async def asked_in_memory() -> bytes:
        fresh_engine = StreamingRecommendationEngine(clock=SimulatedClock(clock_time("10:00")))
        async with fresh_engine:
            for record in read(clean.bootstrap_servers, "engine-changelog"):
                event = record.event
                if isinstance(event, ItemUpdateEvent):
                    await fresh_engine.update_item(event.item_id, event.features)
                else:
                    await fresh_engine.process_user_interaction(
                        event.user_id, event.item_id, event.interaction_type, timestamp=event.timestamp
                    )
            found = [await fresh_engine.get_recommendations(f"user-{number}") for number in range(6)]
        return json.dumps([[one.to_dict() for one in answer] for answer in found]).encode()

    assert asyncio.run(asked_in_memory()) == answers


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_a_restarted_system_answers_as_if_it_had_never_stopped(clean, delivery):
    async def main() -> None:
        async with a_system(clean, delivery=delivery) as system:
            await asyncio.gather(*(system.send_user_interaction(*interaction) for interaction in SOME))  # all at once
            await system.update_item("item-1", {"category": "home"})
            before, state_before = await ask_all(system), state(system.engine)
            await system.stop()
            await system.stop()
        async with a_system(clean, delivery=delivery) as again:
            assert state(again.engine) == state_before
            assert await ask_all(again) == before
            assert again.metrics()["folded"] == len(SOME) + 1
            await again.send_user_interaction("user-0", "lamp", "purchase")
            assert await ask_all(again) != before
            state_after = state(again.engine)
        assert state(await folded(clean)) == state_after

    asyncio.run(main())


def test_one_object_can_be_stopped_and_started_again(clean):
    async def main() -> None:
        system = a_system(clean)
        for number in range(2):
            await system.start()
            await system.start()
            await system.send_user_interaction("ann", f"item-{number}", "view")
            await ask(system, "ann")
            assert system.engine.user_profiles["ann"].interaction_count == number + 1
            await system.stop()

    asyncio.run(main())


def test_under_exactly_once_each_interaction_announces_one_profile_and_the_last_is_the_fold(clean):
    async def main() -> dict[str, Any]:
        async with a_system(clean, delivery="exactly-once") as system:
            await send_all(system, SOME)
            await ask_all(system)
            eventually(lambda: len(read(clean.bootstrap_servers, "user-profiles")) >= len(SOME), "all are announced")
            return dict(system.user_profiles)

    after = asyncio.run(main())
    announced = read(clean.bootstrap_servers, "user-profiles")
    assert len(announced) == len(SOME)
    sent = {record.event.event_id for record in read(clean.bootstrap_servers, "user-interactions")}
    assert {record.event.event_id.removesuffix("-profile") for record in announced} == sent
    counts: dict[str, list[int]] = {}
    for record in announced:
        assert record.key == record.event.user_id.encode()
        counts.setdefault(record.event.user_id, []).append(record.event.profile["interaction_count"])
    assert all(found == list(range(1, len(found) + 1)) for found in counts.values()), counts
    last = {record.event.user_id: record.event.profile for record in announced}
    assert {user: profiles.from_dict(profile) for user, profile in last.items()} == after


def test_each_request_is_answered_once(clean):
    async def main() -> None:
        async with a_system(clean) as system:
            await send_all(system, SOME)
            asked = await asyncio.gather(*(system.request_recommendations(f"user-{n % 6}") for n in range(60)))
            for request_id in asked:
                assert (await system.await_response(request_id, LONG)).request_id == request_id
        answered = Counter(
            record.event.request_id for record in read(clean.bootstrap_servers, "recommendation-responses")
        )
        assert answered == dict.fromkeys(asked, 1)

    asyncio.run(main())


def test_dead_letters_among_the_interactions_do_not_hold_up_answers(clean):
    async def main() -> None:
        async with a_system(clean) as system:
            await system.send_user_interaction("ann", "lamp", "view")
            for poison in (b"not JSON", b"{}", b"\x00\xff"):
                write(clean.bootstrap_servers, "user-interactions", [(f"k{n}", poison) for n in range(6)])
                assert items_of(await ask(system, "bob")) == ["lamp"]
            assert system.metrics()["answered_behind"] == 0
            letters = eventually(
                lambda: read(clean.bootstrap_servers, "user-interactions.dlq"), "they are in the dead letters"
            )
            assert len(letters) == 18

    asyncio.run(main())


def test_answers_go_on_when_the_coordinator_of_a_group_is_another_broker_than_before(clean):
    gone = 99

    async def main() -> None:
        async with a_system(clean) as instance:
            await instance.send_user_interaction("ann", "lamp", "view")
            known = instance._catching_up._admin._manager.cluster._coordinators
            known.update({(CoordinatorType.GROUP, group): gone for group in system.GROUPS.values()})
            write(clean.bootstrap_servers, "user-interactions", [("k", b"not JSON")])  # so that groups are asked
            assert items_of(await ask(instance, "bob")) == ["lamp"]
            assert gone not in known.values(), "it was asked, and is forgotten"

    asyncio.run(main())


def test_rubbish_in_any_topic_stops_nothing(clean):
    async def main() -> None:
        async with a_system(clean, engine_options=NO_CACHE) as system:
            await system.send_user_interaction("ann", "lamp", "view")
            a_response = {
                "event_type": "recommendation_response", "event_id": "r", "timestamp": "2026-01-01T00:00:00+00:00",
                "request_id": "q", "recommendations": [], "processing_time_ms": 0.0, "data": {"instance": "stranger"},
            }  # fmt: skip
            for topic in ("engine-changelog", "recommendation-responses", "recommendation-requests", "item-updates"):
                rubbish = [("k", b"not JSON"), ("k", None), ("k", b"{}", [("source", b"rubbish")])]
                write(clean.bootstrap_servers, topic, [*rubbish, ("k", json.dumps(a_response).encode())])
            assert items_of(await ask(system, "bob")) == ["lamp"]
            await system.send_user_interaction("ann", "desk", "view")
            assert set(items_of(await ask(system, "bob"))) == {"lamp", "desk"}
        async with a_system(clean) as again:
            assert set(items_of(await ask(again, "bob"))) == {"lamp", "desk"}

    asyncio.run(main())


def test_a_request_that_nobody_answers_is_named_after_the_timeout(clean):
    async def main() -> None:
        async with a_system(clean) as system:
            with pytest.raises(NoResponse, match="no-such-request"):
                await system.await_response("no-such-request", timedelta(milliseconds=50))
            with pytest.raises(TimeoutError):
                await system.await_response("no-such-request", timedelta(milliseconds=50))
            assert system._answers._waiting == {}

    asyncio.run(main())


def test_calls_that_are_wrong_are_refused_by_name_and_send_nothing(clean):
    async def main() -> None:
        system = a_system(clean)
        with pytest.raises(LabError, match="not running"):
            await system.send_user_interaction("ann", "lamp", "view")
        async with system:
            with pytest.raises(InvalidEvent, match="interaction_value"):
                await system.send_user_interaction("ann", "lamp", "view", float("nan"))
            with pytest.raises(InvalidEvent, match="item_id"):
                await system.send_user_interaction("ann", "", "view")
            with pytest.raises(InvalidEvent, match="num_recommendations"):
                await system.request_recommendations("ann", 0)
        for call in (system.request_recommendations("ann"), system.update_item("lamp", {})):
            with pytest.raises(LabError, match="not running"):
                await call
        assert read(clean.bootstrap_servers, "user-interactions") == []

    asyncio.run(main())


def test_without_a_broker_start_says_which_address_does_not_answer():
    async def main() -> None:
        system = System("127.0.0.1:1")
        with pytest.raises(BrokerError, match=r"127\.0\.0\.1:1"):
            await system.start()
        assert not system.is_running
        await system.stop()

    asyncio.run(main())


class Gate:
    """Takes the place of `ensure_topics`: the first call waits until it is let through."""

    def __init__(self, ensure_topics: Callable[..., None]) -> None:
        self.reached, self.opened, self._ensure_topics = threading.Event(), threading.Event(), ensure_topics

    def __call__(self, *arguments: Any, **options: Any) -> None:
        self.reached.set()
        assert self.opened.wait(60)
        self._ensure_topics(*arguments, **options)


@pytest.mark.parametrize("how", ["cancelled", "stopped"])
def test_a_start_that_is_given_up_leaves_nothing_running(clean, monkeypatch, how):
    gate = Gate(system.ensure_topics)
    monkeypatch.setattr(system, "ensure_topics", gate)
    instance = a_system(clean)

    async def main() -> None:
        starting = asyncio.create_task(instance.start())
        assert await asyncio.to_thread(gate.reached.wait, 60)
        if how == "cancelled":
            starting.cancel()
        stopping = asyncio.create_task(instance.stop())
        await asyncio.sleep(0.2)
        gate.opened.set()
        await stopping
        with pytest.raises((asyncio.CancelledError, LabError)):
            await starting

    before = set(threading.enumerate())
    asyncio.run(main())  # returns when all threads that were given something to do have done it
    assert not instance.is_running
    assert set(threading.enumerate()) <= before

    async def again() -> None:
        async with instance:
            await instance.send_user_interaction("ann", "lamp", "view")
            assert items_of(await ask(instance, "bob")) == ["lamp"]

    asyncio.run(again())


def test_a_follower_that_is_stopped_does_not_say_that_it_has_come_to_the_end():
    follower = TopicFollower(Connection("127.0.0.1:1"), "engine-changelog", print)
    follower.stop()
    with pytest.raises(LabError, match="engine-changelog"):
        follower.wait_for_the_end(60)


def test_it_goes_on_by_itself_when_the_broker_has_come_back(fresh):
    async def main() -> None:
        async with a_system(fresh, processor_options={"timeout": timedelta(seconds=5)}) as system:
            await send_all(system, SOME[:10])
            fresh.kill()
            with pytest.raises(BrokerError, match=fresh.bootstrap_servers):
                await system.send_user_interaction("ann", "lost", "view")
            await asyncio.get_running_loop().run_in_executor(None, fresh.restart)
            for attempt in itertools.count(1):
                try:
                    await system.send_user_interaction("ann", "lamp", "view")
                    break
                except BrokerError:
                    assert attempt < 10
            for user in ("bob", "user-0", "user-1"):
                assert "lamp" in items_of(await ask(system, user, num_recommendations=100))
            assert system.metrics()["folded"] >= 11
        assert state(await folded(fresh)) == state(system.engine)

    asyncio.run(main())


# -- two instances ------------------------------------------------------------------------------------------------


def test_two_instances_answer_each_request_once_and_as_one_would(clean):
    async def main() -> None:
        async with a_system(clean) as first, a_system(clean) as second:
            systems = itertools.cycle([first, second])
            for interaction in SOME:
                await next(systems).send_user_interaction(*interaction)
            await second.update_item("item-1", {"category": "home"})
            answers = [await ask_all(system) for system in (first, second, first)]
            assert answers[0] == answers[1] == answers[2]
            eventually(lambda: state(first.engine) == state(second.engine), "both know the same")
            assert first.item_features == second.item_features == {"item-1": {"category": "home"}}
            sent = Counter(record.event.event_id for record in read(clean.bootstrap_servers, "user-interactions"))
            assert max(sent.values()) == 1, "ids are unique across instances"
            shared = [sum(system.metrics()["consumed"] for system in (first, second))]
            assert all(system.metrics()["consumed"] > 0 for system in (first, second)), shared
        answered = Counter(
            record.event.request_id for record in read(clean.bootstrap_servers, "recommendation-responses")
        )
        asked = {record.event.event_id for record in read(clean.bootstrap_servers, "recommendation-requests")}
        assert answered == dict.fromkeys(asked, 1)
        assert state(await folded(clean)) == state(first.engine)

    asyncio.run(main())


OTHER = """
import asyncio, sys
from recsys_lab.clock import SimulatedClock
from recsys_lab.kafka import KafkaRecommendationSystem
from tests.builders import clock_time
async def main():
    options = {"session_timeout_ms": 2000}
    system = KafkaRecommendationSystem(
        sys.argv[1], clock=SimulatedClock(clock_time("10:00")), delivery=sys.argv[2], processor_options=options
    )
    async with system:
        print("running", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_when_an_instance_is_killed_the_other_takes_over(fresh, delivery):
    async def main() -> None:
        options = {"delivery": delivery, "processor_options": {"session_timeout_ms": 2000}}
        async with a_system(fresh, **options) as system:
            other = subprocess.Popen(
                [sys.executable, "-c", OTHER, fresh.bootstrap_servers, delivery],
                stdout=subprocess.PIPE, text=True, env=environment(),
            )  # fmt: skip
            assert other.stdout is not None
            assert await asyncio.get_running_loop().run_in_executor(None, other.stdout.readline) == "running\n"
            await send_all(system, SOME[:20])
            before = await ask_all(system)
            other.kill()
            other.wait()
            assert await ask_all(system) == before
            await send_all(system, SOME[20:])
            await ask_all(system)
            assert len(system.user_profiles) == 5
            eventually(lambda: system.metrics()["folded"] == len(SOME), "all is folded")
            after = state(system.engine)
        assert state(await folded(fresh)) == after

    asyncio.run(main())


def test_interactions_keep_the_order_of_their_user_on_their_way_into_the_changelog(clean):
    async def main() -> None:
        async with a_system(clean) as first, a_system(clean) as second:
            await asyncio.gather(*(first.send_user_interaction(*interaction) for interaction in SOME))
            await asyncio.gather(*(second.send_user_interaction(*interaction) for interaction in SOME))
            await ask_all(first)
        changes = [record.event for record in read(clean.bootstrap_servers, "engine-changelog")]
        originals = [record.event for record in read(clean.bootstrap_servers, "user-interactions")]
        assert by_user(changes) == by_user(originals)

    asyncio.run(main())


# -- kill -9 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
@pytest.mark.parametrize("seed", range(2))
def test_after_kill_9_the_restored_engine_is_the_fold_of_what_was_acknowledged(fresh, lives, delivery, seed):
    schedule = a_system_schedule(delivery, seed)
    sent = [[*interaction] for interaction in SOME]
    lives.run("recommend", schedule, servers=fresh.bootstrap_servers, interactions=sent)

    async def main() -> None:
        async with a_system(fresh, delivery=delivery, instance_id="one") as system:
            answers = await ask_all(system)
            acknowledged = [record.event for record in read(fresh.bootstrap_servers, "user-interactions")]
            changes = [record.event for record in read(fresh.bootstrap_servers, "engine-changelog")]
            assert by_user(unique(changes)) == by_user(acknowledged), schedule
            if delivery == "exactly-once":
                assert len(changes) == len(acknowledged), schedule
            assert system.metrics()["folded"] == len(acknowledged), schedule
            after = state(system.engine)
        assert state(await folded(fresh)) == after, schedule
        async with a_system(fresh, delivery=delivery, instance_id="one") as again:
            assert await ask_all(again) == answers, schedule
            if delivery == "exactly-once":
                announced = read(fresh.bootstrap_servers, "user-profiles")
                assert len(announced) == len({record.event.event_id for record in announced}), schedule
                last = {record.event.user_id: profiles.from_dict(record.event.profile) for record in announced}
                assert last == again.user_profiles, schedule

    asyncio.run(main())
