"""Connection: which cluster is meant, and what is kept to oneself."""

from __future__ import annotations

import gc
import threading

import psutil
import pytest
from kafka import KafkaAdminClient, KafkaConsumer
from kafka.errors import KafkaError

from recsys_lab.errors import BrokerError
from recsys_lab.kafka import Connection, ExternalKafka, KafkaStreamProcessor, LocalKafka
from recsys_lab.kafka.connection import SETTINGS, admin, opened

SECURED = {
    "KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9093",
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_MECHANISM": "PLAIN",
    "KAFKA_SASL_PLAIN_USERNAME": "ann",
    "KAFKA_SASL_PLAIN_PASSWORD": "secret-word",
    "KAFKA_SSL_CAFILE": "/no-such/ca.pem",
}


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ["KAFKA_BOOTSTRAP_SERVERS", *SETTINGS]:
        monkeypatch.delenv(name, raising=False)


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_without_a_word_it_is_the_broker_on_the_usual_port():
    connection = Connection.resolve(None)
    assert connection.client()["bootstrap_servers"] == ["127.0.0.1:9092"]
    assert connection.settings == {}


def test_several_addresses_are_told_apart():
    assert Connection.resolve("a:1,b:2").client()["bootstrap_servers"] == ["a:1", "b:2"]


def test_the_environment_names_the_cluster_and_how_to_prove_who_one_is(monkeypatch):
    set_all(monkeypatch, SECURED)
    assert Connection("kafka.example:9093").client()["bootstrap_servers"] == ["kafka.example:9093"]
    assert Connection.resolve(None).settings == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "ann",
        "sasl_plain_password": "secret-word",
        "ssl_cafile": "/no-such/ca.pem",
    }


def test_the_shorter_names_of_user_and_password_do_as_well(monkeypatch):
    set_all(monkeypatch, {"KAFKA_BOOTSTRAP_SERVERS": "a:1", "KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD": "p"})
    assert Connection.resolve(None).settings == {"sasl_plain_username": "u", "sasl_plain_password": "p"}


def test_another_cluster_than_the_environments_is_not_told_its_password(monkeypatch):
    set_all(monkeypatch, SECURED)
    assert Connection.resolve("127.0.0.1:9999").settings == {}
    assert Connection.resolve("kafka.example:9093").settings["sasl_plain_password"] == "secret-word"


def test_neither_text_nor_error_shows_a_password(monkeypatch):
    set_all(monkeypatch, SECURED)
    connection = Connection.resolve(None)
    shown = [repr(connection), str(connection), str(connection.failed("no answer", ValueError("x")))]
    shown += [repr(LocalKafka.or_external()), repr(KafkaStreamProcessor())]
    assert "secret-word" not in "".join(shown)


def test_an_error_names_the_address_the_deed_and_the_cause():
    message = str(Connection("kafka.example:9093").failed("topics were not made", ValueError("closed")))
    assert message.startswith("kafka.example:9093: topics were not made: ValueError: closed.")
    assert "recsys-lab kafka status" in message


@pytest.mark.parametrize("servers", ["127.0.0.1:1", "no-such-host.invalid:9092", "127.0.0.1:port", ":::"])
def test_a_cluster_that_is_not_there_is_named_in_a_broker_error(servers):
    with pytest.raises(BrokerError) as refused, admin(Connection(servers), seconds=0.5):
        pass
    assert servers in str(refused.value)


@pytest.mark.parametrize("kind", [KafkaConsumer, KafkaAdminClient])
def test_a_client_that_cannot_be_opened_leaves_nothing_behind(kind, caplog):
    caplog.set_level("CRITICAL", "kafka")  # what pytest keeps of the log holds on to errors, and they to their sockets

    def open_in_vain() -> None:
        with pytest.raises(KafkaError):
            opened(kind, **Connection("127.0.0.1:1").client(0.2))

    def descriptors() -> int:
        gc.collect()  # refused attempts are circles of errors and sockets, which nothing that lives holds on to
        return psutil.Process().num_fds()

    open_in_vain()  # what is made once and for all, is made now
    threads, before = set(threading.enumerate()), descriptors()
    for _ in range(5):
        open_in_vain()
    assert set(threading.enumerate()) <= threads
    assert descriptors() <= before


def test_a_certificate_that_is_not_there_is_a_broker_error_that_names_it(monkeypatch):
    set_all(monkeypatch, SECURED)
    named = "kafka.example:9093: ssl_cafile is '/no-such/ca.pem'; no such file"
    with pytest.raises(BrokerError, match=named), admin(Connection.resolve(None)):
        pass
    with pytest.raises(BrokerError, match=named):
        KafkaStreamProcessor().setup_producer()


def test_without_the_environment_or_external_is_a_broker_of_ones_own():
    kafka = LocalKafka.or_external(brokers=3)
    assert isinstance(kafka, LocalKafka)
    assert kafka.brokers == 3


def test_with_the_environment_or_external_is_that_cluster_and_is_not_ours_to_break(monkeypatch):
    set_all(monkeypatch, {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    kafka = LocalKafka.or_external(brokers=3)
    assert isinstance(kafka, ExternalKafka)
    assert (kafka.bootstrap_servers, kafka.pids, kafka.logs()) == ("127.0.0.1:1", [], "")
    for break_it in (kafka.kill, kafka.restart):
        with pytest.raises(Exception, match="not the lab's own"):
            break_it()
    kafka.stop()
