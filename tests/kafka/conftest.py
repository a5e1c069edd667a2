"""Names of topics and groups that are new for each test; the lives of a processor; a broker without the system."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient

from recsys_lab.clock import IdSource
from recsys_lab.kafka import LocalKafka
from recsys_lab.kafka.system import GROUPS
from tests.kafka.lives import Lives, the_lives
from tests.kafka.systems import System

_new = IdSource(kind="unique")


@pytest.fixture
def topic() -> str:
    return f"topic-{_new()}"


@pytest.fixture
def group() -> str:
    return f"group-{_new()}"


@pytest.fixture(scope="session")
def lives() -> Iterator[Lives]:
    with the_lives() as lives:
        yield lives


@pytest.fixture
def clean(kafka) -> LocalKafka:
    """The broker of these tests without the system's topics and groups, whose names are fixed."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    theirs = {"engine-changelog", *System.TOPICS.values()}
    there = [topic for topic in admin.list_topics(timeout=60).topics if topic.removesuffix(".dlq") in theirs]
    for deleted in (admin.delete_topics(there) if there else {}).values():
        deleted.result(60)
    known = {group.group_id for group in admin.list_consumer_groups().result(60).valid} & set(GROUPS.values())
    for deleted in admin.delete_consumer_groups(sorted(known)).values() if known else ():
        deleted.result(60)
    return kafka
