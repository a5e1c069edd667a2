"""Topics are made when they are missing, also while a broker is away for a moment."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from kafka.errors import InvalidReplicationFactorError

from recsys_lab.kafka import Connection, topics


class Client:
    """Of a cluster that has too few brokers for so many calls."""

    def __init__(self, too_few: int) -> None:
        self.too_few = too_few
        self.made: list[str] = []

    def list_topics(self) -> list[str]:
        return list(self.made)

    def create_topics(self, wanted: dict[str, Any]) -> None:
        self.too_few -= 1
        if self.too_few >= 0:
            raise InvalidReplicationFactorError("0 brokers are registered")
        self.made += wanted

    def describe_configs(self, asked: list[Any], config_filter: str) -> dict[str, Any]:
        """As kafka-python tells it: nothing of a topic that the broker does not know, or that one may not see."""
        self.too_few -= 1
        policy = {"profiles": "compact,delete", "clicks": "delete"}
        return {
            "topic": {
                each.name: {}
                if self.too_few >= 0 or each.name == "secret"
                else {"cleanup.policy": {"value": policy[each.name]}}
                for each in asked
            }
        }

    def wait_for_topics(self, wanted: list[str]) -> None:
        assert set(wanted) <= set(self.made)


@pytest.fixture
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client(request.param)

    @contextlib.contextmanager
    def admin(connection: Connection, *, seconds: float) -> Iterator[Client]:
        yield made

    monkeypatch.setattr(topics, "admin", admin)
    monkeypatch.setattr(topics, "_BEFORE_ASKING_AGAIN", 0.01)
    return made


@pytest.mark.parametrize("client", [0, 3], indirect=True)
def test_a_topic_is_made_when_the_brokers_are_back(client):
    topics.ensure_topics(Connection("127.0.0.1:1"), ["a", "b", "a"])
    assert client.made == ["a", "b"]


@pytest.mark.parametrize("client", [10_000], indirect=True)
def test_where_they_stay_away_it_ends_in_time(client):
    with pytest.raises(InvalidReplicationFactorError):
        topics.ensure_topics(Connection("127.0.0.1:1"), ["a"], seconds=0.1)
    assert client.made == []


@pytest.mark.parametrize("client", [0, 3], indirect=True)
def test_which_topics_are_compacted_is_asked_until_it_is_known(client, monkeypatch):
    monkeypatch.setattr(topics, "_LONGEST_UNTOLD", 0.2)
    found = topics.compacted(Connection("127.0.0.1:1"), ["clicks", "profiles", "secret"])
    assert found == {"profiles"}
