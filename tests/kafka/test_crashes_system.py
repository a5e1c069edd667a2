"""The recommendation system under `kill -9`: after each crash it answers as one that never stopped.

One system lives a hundred lives on one broker. Each begins with the answers to all users, then sends interactions until
it is killed at a step drawn from the seed. The judge is an engine in memory, which is given the changelog as another
client reads it: it never stopped. Each life asks in a context of its own, so that no answer is an earlier one's.
"""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from recsys_lab import profiles
from recsys_lab.kafka import LocalKafka
from tests.kafka.helpers import read
from tests.kafka.lives import Lives, a_life_of_a_system
from tests.kafka.systems import folded, unique

pytestmark = pytest.mark.integration

USERS = [f"user-{number}" for number in range(7)]


class Chain:
    """A life after the other, of the same system: what was acknowledged in all of them is kept in a file."""

    def __init__(self, kafka: LocalKafka, lives: Lives, folder: Path) -> None:
        self.kafka, self.lives = kafka, lives
        self.acknowledged, self.answers = folder / "acknowledged", folder / "answers"
        self.acknowledged.touch()
        self.kills = 0

    def live(self, seed: int) -> dict[str, Any]:
        """What the life with this seed answered before its crash."""
        life = a_life_of_a_system(seed, USERS)
        files = {"answers": str(self.answers), "acknowledged": str(self.acknowledged)}
        self.answers.unlink(missing_ok=True)
        end = self.lives.live("answer", servers=self.kafka.bootstrap_servers, users=USERS, **files, **life)
        assert end in (0, -signal.SIGKILL), f"it ended with {end}: {life}"
        self.kills += end == -signal.SIGKILL
        if not self.answers.exists():  # it was killed while it caught up; the next one finds that
            quiet = {**life, "name": f"{life['name']} again", "crash": None, "interactions": []}
            assert self.lives.live("answer", servers=self.kafka.bootstrap_servers, users=USERS, **files, **quiet) == 0
        return json.loads(self.answers.read_text())


@pytest.fixture(scope="module")
def chain(lives, tmp_path_factory):
    with LocalKafka() as kafka:
        yield Chain(kafka, lives, tmp_path_factory.mktemp("chain"))


@pytest.mark.parametrize("seed", range(100))
def test_after_a_crash_it_answers_as_one_that_never_stopped(chain, seed):
    before = chain.acknowledged.read_text().split()

    told = chain.live(seed)

    changes = [record.event.event_id for record in read(chain.kafka.bootstrap_servers, "engine-changelog")]
    assert len(changes) == len(set(changes)), "nothing is doubled"
    assert set(before) <= set(changes[: told["folded"]]), "nothing that was acknowledged is lost"

    async def never_stopped() -> tuple[Any, Any]:
        engine = await folded(chain.kafka, told["folded"])
        context = {"life": told["name"]}
        async with engine:
            answers = {user: await engine.get_recommendations(user, request_context=context) for user in USERS}
        return {user: [item.to_dict() for item in answer] for user, answer in answers.items()}, engine.user_profiles

    answers, kept = asyncio.run(never_stopped())
    assert told["answers"] == answers
    assert {user: profiles.from_dict(profile) for user, profile in told["profiles"].items()} == kept


def test_the_lives_were_ended_by_kills(chain):
    assert chain.kills >= 90


def test_what_it_announced_is_what_it_knows(chain):
    told = chain.live(1000)
    announced = {record.event.user_id: record.event for record in read(chain.kafka.bootstrap_servers, "user-profiles")}
    assert {user: event.profile for user, event in announced.items()} == told["profiles"]
    assert len(unique(list(announced.values()))) == len(announced)
