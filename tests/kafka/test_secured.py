"""A cluster that asks for a password over TLS, named by the environment as any external one would be."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from recsys_lab.clock import SimulatedClock
from recsys_lab.errors import BrokerError
from recsys_lab.kafka import KafkaRecommendationSystem, KafkaStreamProcessor, LocalKafka
from tests.builders import a_click
from tests.kafka.helpers import a_processor, collector, eventually, items, produce, read

pytestmark = pytest.mark.integration

PASSWORD = "open-sesame"
WRONG = "open-barley"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Certificates of an authority of our own."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(folder / "another-ca.pem"))
    issued = authority.issue_cert("127.0.0.1", "localhost")
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), password=None)
    as_java_reads_it = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain = b"".join(certificate.bytes() for certificate in issued.cert_chain_pems)
    (folder / "broker.pem").write_bytes(as_java_reads_it + chain)
    return folder


@pytest.fixture(scope="module")
def secured(folder) -> Iterator[LocalKafka]:
    """A broker with a second door, for those who know the password."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as free:
        plain = free.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as free:
        controller = free.getsockname()[1]
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    properties = {
        "listeners": f"PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{port}",
        "controller.quorum.voters": f"0@127.0.0.1:{controller}",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{module} required user_ann="{PASSWORD}";',
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
    }
    with LocalKafka(port=plain, properties=properties) as kafka:
        kafka.secured_servers = f"127.0.0.1:{port}"
        yield kafka


@pytest.fixture
def named(secured, folder, monkeypatch) -> pytest.MonkeyPatch:
    """The environment names the secured door, and how to get in."""
    for name, value in {
        "KAFKA_BOOTSTRAP_SERVERS": secured.secured_servers,
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_SASL_USERNAME": "ann",
        "KAFKA_SASL_PASSWORD": PASSWORD,
        "KAFKA_SSL_CAFILE": str(folder / "ca.pem"),
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_the_stream_processor_gets_in_with_what_the_environment_says(named, secured, topic, group, delivery):
    seen: list[object] = []
    processor = KafkaStreamProcessor(delivery=delivery)
    try:
        assert processor.connection.bootstrap_servers == secured.secured_servers
        processor.setup_consumer(topic, group, collector(seen))
        processor.start_consumers()
        produce(processor, topic, [a_click("ann", "lamp")])
        eventually(lambda: items(seen) == ["lamp"], "the event is consumed")
    finally:
        processor.stop()
    assert items(record.event for record in read(secured.bootstrap_servers, topic)) == ["lamp"]


def test_the_recommendation_system_gets_in_too(named, secured):
    async def main() -> None:
        async with KafkaRecommendationSystem(clock=SimulatedClock()) as system:
            await system.send_user_interaction("ann", "lamp", "view")
            request = await system.request_recommendations("bob")
            response = await system.await_response(request, timedelta(seconds=60))
            assert [one["item_id"] for one in response.recommendations] == ["lamp"]

    asyncio.run(main())


def test_or_external_is_that_cluster(named, secured):
    with LocalKafka.or_external() as kafka:
        assert kafka.bootstrap_servers == secured.secured_servers


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KAFKA_SASL_PASSWORD", WRONG),
        ("KAFKA_SSL_CAFILE", "another-ca.pem"),
        ("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT"),
        ("KAFKA_SECURITY_PROTOCOL", "NO_SUCH_PROTOCOL"),
        ("KAFKA_SASL_MECHANISM", "NO_SUCH_MECHANISM"),
    ],
    ids=["wrong password", "unknown authority", "no encryption", "unknown protocol", "unknown mechanism"],
)
def test_who_does_not_get_in_is_told_where_and_sees_no_password(named, secured, folder, variable, value):
    named.setenv(variable, str(folder / value) if variable == "KAFKA_SSL_CAFILE" else value)
    processor = KafkaStreamProcessor(timeout=timedelta(seconds=3))
    with pytest.raises(BrokerError) as refused:
        processor.setup_producer()
    assert secured.secured_servers in str(refused.value)
    assert_no_password_in(str(refused.value), repr(refused.value), repr(processor), repr(processor.connection))
    processor.stop()


def test_a_wrong_password_keeps_the_system_and_or_external_out_too_and_is_not_shown(named, secured):
    named.setenv("KAFKA_SASL_PASSWORD", WRONG)
    system = KafkaRecommendationSystem(processor_options={"timeout": timedelta(seconds=3)})
    with pytest.raises(BrokerError, match=secured.secured_servers) as refused:
        asyncio.run(system.start())
    external = LocalKafka.or_external()
    with pytest.raises(BrokerError, match=secured.secured_servers) as refused_too:
        external.start()
    assert_no_password_in(repr(refused.value), repr(refused_too.value), repr(external), repr(system))


def assert_no_password_in(*shown: str) -> None:
    for secret in (PASSWORD, WRONG):
        assert secret not in "".join(shown)


def test_the_plain_door_stays_open_to_who_names_it(named, secured, topic):
    with a_processor(secured) as processor:
        assert produce(processor, topic, [a_click("ann", "lamp")])
