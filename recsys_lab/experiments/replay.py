"""The seeded replay: the same calls, clock and seed give the same answers, byte for byte."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from datetime import timedelta

import pandas as pd

from recsys_lab.clock import SimulatedClock
from recsys_lab.experiments.running import run
from recsys_lab.experiments.shop import open_shop

CALLS = 200


def replay(purchases: pd.DataFrame, *, seeds: Sequence[int] = (7, 7, 8)) -> pd.DataFrame:
    """The same calls, made to a new engine for each seed; what it answered, as a checksum of all bytes.

    purchases: what each engine learns first. seeds: of the engines; the calls are always the same.
    Columns: seed, responses, bytes, sha256 (of the JSON of all responses, in order).
    """
    runs = [run(_replay(purchases, seed)) for seed in seeds]
    return pd.DataFrame(runs, index=range(1, len(runs) + 1))


async def _replay(purchases: pd.DataFrame, seed: int) -> dict[str, object]:
    calls = random.Random(0)
    shop = await open_shop(purchases, seed=seed, exploration=0.1)
    clock = shop.clock
    assert isinstance(clock, SimulatedClock)
    users = sorted(purchases["user_id"].unique())[:20]
    items = sorted(purchases["item_id"].unique())
    for _ in range(CALLS):
        clock.advance(timedelta(seconds=calls.randrange(60)))
        user_id = calls.choice(users)
        if calls.random() < 0.5:
            await shop.process_user_interaction(user_id, calls.choice(items), calls.choice(("view", "click")))
        else:
            await shop.get_recommendations(user_id)
    await shop.stop()
    stream = shop.event_streams["responses"]
    said = [response.to_json() for response in stream.get_recent_events(len(stream))]
    digest = hashlib.sha256(b"\n".join(said)).hexdigest()
    return {"seed": seed, "responses": len(said), "bytes": sum(map(len, said)), "sha256": digest}
