"""Properties: what a broker is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from recsys_lab.errors import BrokerError
from recsys_lab.kafka import LocalKafka
from recsys_lab.kafka.properties import Ports, as_text, server_properties

ONE = [Ports(9092, 9093)]
THREE = [Ports(9092, 9192), Ports(9093, 9193), Ports(9094, 9194)]


@pytest.mark.parametrize("ports", [ONE, THREE], ids=["one", "three"])
def test_every_address_is_of_the_loopback_interface(ports):
    for broker in range(len(ports)):
        properties = server_properties(broker, ports, Path("/data"))
        addresses = [properties[name] for name in ("listeners", "advertised.listeners", "controller.quorum.voters")]
        for address in ",".join(addresses).split(","):
            assert "127.0.0.1:" in address


def test_three_brokers_keep_three_copies_and_acknowledge_with_two():
    properties = server_properties(1, THREE, Path("/data"))
    assert properties["default.replication.factor"] == properties["offsets.topic.replication.factor"] == "3"
    assert properties["min.insync.replicas"] == properties["transaction.state.log.min.isr"] == "2"
    assert properties["node.id"] == "1"


def test_nothing_is_deleted_for_its_age_and_an_event_of_a_mebibyte_fits():
    properties = server_properties(0, ONE, Path("/data"))
    assert properties["log.retention.ms"] == "-1"
    assert int(properties["message.max.bytes"]) > 1024 * 1024 + 1000
    assert properties["num.partitions"] == "3"


def test_what_the_caller_says_wins():
    assert server_properties(0, ONE, Path("/data"), {"num.partitions": "5"})["num.partitions"] == "5"


def test_the_file_survives_backslashes_and_line_ends():
    assert as_text({"a": "x\\y\nz"}) == "a=x\\\\y\\nz\n"


@pytest.mark.parametrize("brokers", [0, 2, 4, -1, "one"])
def test_another_number_of_brokers_than_1_or_3_is_refused(brokers):
    with pytest.raises(BrokerError, match=rf"brokers is {brokers!r}; 1 or 3"):
        LocalKafka(brokers=brokers)


def test_before_its_start_a_broker_has_no_address_and_says_how_to_get_one():
    kafka = LocalKafka()
    assert kafka.pids == []
    assert repr(kafka) == "LocalKafka(1 broker, not running)"
    for use in (lambda: kafka.bootstrap_servers, kafka.kill, kafka.restart, kafka.logs):
        with pytest.raises(BrokerError):
            use()
    kafka.stop()
    kafka.stop()
