"""Three brokers keep three copies: whichever of them is lost, nothing acknowledged is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient, PartitionMetadata

from recsys_lab.errors import BrokerError
from recsys_lab.kafka import KafkaStreamProcessor, LocalKafka
from tests.builders import a_click
from tests.kafka.helpers import USERS, a_processor, eventually, is_gone, items, make_topic, read

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalKafka]:
    with LocalKafka(brokers=3) as kafka:
        yield kafka


def partitions_of(kafka: LocalKafka, topic: str) -> dict[int, PartitionMetadata]:
    """As soon as the broker that is asked knows of the topic, which another one may have made."""
    client = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    return eventually(lambda: client.list_topics(topic, timeout=30).topics[topic].partitions, f"{topic} is known")


def leader_of(kafka: LocalKafka, topic: str) -> int:
    return partitions_of(kafka, topic)[0].leader


def test_three_processes_three_addresses_three_copies(cluster, topic):
    assert len(set(cluster.pids)) == 3
    assert len(set(cluster.bootstrap_servers.split(","))) == 3
    with a_processor(cluster) as processor:
        processor.setup_producer()
        asyncio.run(processor.produce_event(topic, a_click("ann", "lamp")))
    for partition in partitions_of(cluster, topic).values():
        assert sorted(partition.replicas) == [0, 1, 2]
    assert "broker 1" not in cluster.logs(0) or cluster.logs(1)


def test_the_leader_is_killed_while_producing_and_no_acknowledged_record_is_lost(cluster, topic):
    make_topic(cluster.bootstrap_servers, topic, 1)
    leader = leader_of(cluster, topic)
    acknowledged: list[str] = []
    after_the_kill = asyncio.Event()

    async def produce(processor: KafkaStreamProcessor, user: str) -> None:
        number = 0
        while not after_the_kill.is_set() or number % 10:
            item = f"{user}-{number}"
            await processor.produce_event(topic, a_click(user, item))
            acknowledged.append(item)
            number += 1

    async def main() -> None:
        with a_processor(cluster, timeout=timedelta(seconds=60)) as processor:
            processor.setup_producer()
            producing = [asyncio.create_task(produce(processor, user)) for user in USERS]
            while len(acknowledged) < 100:
                await asyncio.sleep(0.01)
            await asyncio.get_running_loop().run_in_executor(None, cluster.kill, leader)
            killed_at = len(acknowledged)
            while len(acknowledged) < killed_at + 100:
                await asyncio.sleep(0.01)
            after_the_kill.set()
            await asyncio.gather(*producing)

    try:
        asyncio.run(main())
        assert leader_of(cluster, topic) != leader
        assert len(cluster.pids) == 2
        kept = items(record.event for record in read(cluster.bootstrap_servers, topic))
        assert len(set(kept)) == len(kept), "idempotent: nothing is doubled"
        assert set(acknowledged) <= set(kept)
        for user in USERS:
            assert [item for item in kept if item.startswith(user)] == [
                item for item in acknowledged if item.startswith(user)
            ]
    finally:
        cluster.restart(leader)
    assert len(cluster.pids) == 3


def test_with_one_of_three_nothing_is_acknowledged_and_with_two_again(cluster, topic):
    make_topic(cluster.bootstrap_servers, topic, 1)
    with a_processor(cluster, timeout=timedelta(seconds=4)) as processor:
        processor.setup_producer()
        asyncio.run(processor.produce_event(topic, a_click("ann", "1")))
        leader = leader_of(cluster, topic)
        others = [broker for broker in range(3) if broker != leader]
        for broker in others:
            cluster.kill(broker)
        try:
            with pytest.raises(BrokerError, match=cluster.bootstrap_servers):
                asyncio.run(processor.produce_event(topic, a_click("ann", "2")))
        finally:
            for broker in others:
                cluster.restart(broker)
        eventually(lambda: len(cluster.pids) == 3, "all run")

        def is_sent() -> bool:
            try:
                asyncio.run(processor.produce_event(topic, a_click("ann", "3")))
            except BrokerError:
                return False
            return True

        eventually(is_sent, "it is acknowledged again")
    kept = items(record.event for record in read(cluster.bootstrap_servers, topic))
    assert kept[0] == "1"
    assert kept[-1] == "3"


def test_three_brokers_keep_their_data_in_a_folder_that_one_cannot_open(tmp_path):
    with LocalKafka(brokers=3, data_dir=tmp_path) as kafka:
        make_topic(kafka.bootstrap_servers, "clicks", 1)
        producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap_servers, "acks": "all"})
        producer.produce("clicks", a_click("ann", "lamp").to_json())
        assert producer.flush(60) == 0
        pids = kafka.pids
    assert all(is_gone(pid) for pid in pids)
    with pytest.raises(BrokerError, match=r"holds the data of 3 broker\(s\), not of 1"):
        LocalKafka(data_dir=tmp_path).start()
    with LocalKafka(brokers=3, data_dir=tmp_path) as kafka:
        eventually(  # a leader that has just begun shows what its followers are known to have
            lambda: items(record.event for record in read(kafka.bootstrap_servers, "clicks")) == ["lamp"],
            "the record is there",
        )
