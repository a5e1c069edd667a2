"""Replicas against the list of writes that have come to them: step by step, and through two hundred bad networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Number
from random import Random
from typing import Any, NamedTuple

import numpy as np

from recsys_lab.errors import shorten
from recsys_lab.experiments.replicas import REGIONS, Act, Schedule, World, Written, copied, random_schedule
from recsys_lab.study.questions.advanced_4.truth import Profile, as_profile, told, truth
from recsys_lab.study.report import NotAttempted, NotYet, expect
from recsys_lab.study.shrink import smallest

SECONDS = 120.0
SCHEDULES = 200
USERS = ("ann", "bob")
LEAST_EVERY_S, MOST_RTO_S, MOST_WAIT_S = 1, 10, 10
PROMISES = ("every_s", "copies", "rpo_s", "rto_s")

MakeReplica = Callable[..., Any]


class Step(NamedTuple):
    """Something that happens: a write in a region; a message that arrives at once (`tell`); one that is sent now
    (`post`) and arrives later, perhaps twice (`arrive`, with its number); a region that is lost and begins anew."""

    do: str
    region: str = ""
    to: str = ""
    act: Act | None = None
    number: int = 0

    def __str__(self) -> str:
        if self.act is not None:
            verb = {"view": "looks at", "wish": "wishes for", "unwish": "takes back", "language": "chooses"}
            return f"{self.region}: {self.act.user} {verb[self.act.kind]} {self.act.what} ({self.act.at_ms} ms)"
        return {
            "tell": f"{self.region} → {self.to}",
            "post": f"{self.region} sends message {self.number} to {self.to}, which is held up",
            "arrive": f"message {self.number} arrives",
            "lose": f"{self.region} is lost and begins anew",
        }[self.do]


class Counted:
    """The function that makes an answer of a profile: the profile itself; and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, profile: Any) -> Profile:
        """The answer."""
        self.asked += 1
        return as_profile(profile)


def check(make: MakeReplica) -> str:
    """`make(region, recommend)` makes an object with apply, state, merge, answer and promises."""
    _expect_an_attempt(make)
    for situation, steps in _situations():
        if _fault(make, steps) is not None:
            small, said = smallest(steps, lambda some: _fault(make, some))
            raise NotYet(f"{situation}: {said} What happened: {'; '.join(map(str, small))}.")
    _keeps_answers(make)
    promised = _promises(make)
    rto = _keeps_promises(make, *promised)
    return (
        f"every region says what it should at every step, and all the same in the end, in {SCHEDULES} bad networks; "
        f"no acknowledged write was lost, and a lost region was replaced within {rto:.1f} s."
    )


def _expect_an_attempt(make: MakeReplica) -> None:
    fresh = make("eu", Counted())
    promised = fresh.promises()
    if promised is ...:
        if fresh.answer("ann") is None:
            raise NotAttempted
        raise NotYet("promises() still gives `...`; what you promise is judged together with the rest.")


def _fault(make: MakeReplica, steps: Sequence[Step]) -> str | None:
    """The first step after which a region says something else than it should, or None."""
    nodes: dict[str, tuple[str, Any]] = {}
    known: dict[str, set[int]] = {name: set() for name in REGIONS}
    written: list[Written] = []
    posted: dict[int, tuple[str, Any, set[int]]] = {}
    try:
        for name in REGIONS:
            nodes[name] = name, make(name, as_profile)
        for step in steps:
            name, replica = nodes.get(step.region, ("", None))
            if step.act is not None:
                written.append(Written(0.0, name, step.act, frozenset(known[step.region])))
                known[step.region].add(len(written) - 1)
                replica.apply(step.act)
            elif step.do in ("tell", "post"):
                posted[step.number] = step.to, copied(_plain(replica.state())), set(known[step.region])
            elif step.do == "lose":
                name = f"{step.region} {int(name[len(step.region) :] or 1) + 1}"
                nodes[step.region], known[step.region] = (name, make(name, as_profile)), set()
            if step.do in ("tell", "arrive") and step.number in posted:
                to, state, theirs = posted[step.number]
                nodes[to][1].merge(copied(state))
                known[to] |= theirs
            for region, (_, each) in nodes.items():
                said = _wrong_answer(each, region, written, known[region])
                if said is not None:
                    return said
    except Exception as error:
        return str(error) if isinstance(error, NotYet) else f"it raised {type(error).__name__}: {error}."
    return None


def _plain(state: Any) -> Any:
    """The state as it is. Raises NotYet where it holds what no network could carry."""
    parts = [*state.keys(), *state.values()] if isinstance(state, Mapping) else state
    if isinstance(state, (Mapping, list, tuple, set, frozenset)):
        for part in parts:
            _plain(part)
    else:
        plain = state is None or isinstance(state, (str, bytes, Number))
        expect(plain, f"state() gives {shorten(state)}, or has it inside; only plain data can be sent.")
    return state


def _wrong_answer(replica: Any, region: str, written: Sequence[Written], known: set[int]) -> str | None:
    for user in USERS:
        got, right = replica.answer(user), truth(written, known, user)
        if got != right:
            return f"of {user}, {region} should say ({told(right)}), and says ({told(got)})."
    return None


def _situations() -> list[tuple[str, list[Step]]]:
    def act(region: str, kind: str, what: str, at_ms: int) -> Step:
        return Step("write", region, act=Act("ann", kind, what, at_ms))

    def tell(region: str, to: str) -> Step:
        return Step("tell", region, to, number=-1)

    def post(region: str, to: str, number: int) -> Step:
        return Step("post", region, to, number=number)

    def arrive(number: int) -> Step:
        return Step("arrive", number=number)

    to_us, to_eu = tell("eu", "us"), tell("us", "eu")
    look, wish, back = act("eu", "view", "lamp", 1), act("eu", "wish", "lamp", 2), act("eu", "unwish", "lamp", 3)
    again = act("eu", "view", "lamp", 4)
    hand_made = [
        ("one region", [look, wish, back, act("eu", "language", "de", 4), act("eu", "wish", "lamp", 5)]),
        ("a message that arrives twice", [look, post("eu", "us", 1), arrive(1), arrive(1)]),
        ("views in two regions at once", [look, act("us", "view", "lamp", 2), to_us, to_eu]),
        ("views that go in a circle", [look, to_us, tell("us", "asia"), tell("asia", "eu"), to_us]),
        ("a message that is overtaken", [look, post("eu", "us", 1), again, post("eu", "us", 2), arrive(2), arrive(1)]),
        ("a wish that is taken back elsewhere", [wish, to_us, act("us", "unwish", "lamp", 3), to_eu, to_us]),
        ("a wish that is taken back, and an old message", [wish, post("eu", "us", 1), back, to_us, arrive(1), to_eu]),
        ("a wish that is made again", [wish, to_us, back, to_us, act("eu", "wish", "lamp", 9), to_us, to_eu]),
        ("a wish that is made again elsewhere", [wish, back, to_us, act("us", "wish", "lamp", 9), to_eu, to_us]),
        ("a wish, while another region takes it back",
         [wish, to_us, act("us", "unwish", "lamp", 9), act("eu", "wish", "lamp", 8), to_us, to_eu]),
        ("two languages", [act("eu", "language", "de", 5), act("us", "language", "en", 3), to_eu, to_us]),
        ("two languages at the same time",
         [act("eu", "language", "de", 5), act("us", "language", "en", 5), to_us, to_eu]),
        ("different things at once",
         [look, act("us", "language", "en", 3), act("asia", "wish", "mug", 4), to_us, to_eu, tell("asia", "eu")]),
        ("a region that is lost", [look, again, to_us, Step("lose", "eu"), act("eu", "view", "lamp", 9), to_us, to_eu]),
    ]  # fmt: skip
    return hand_made + [(f"random steps, number {seed}", _random(seed)) for seed in range(100)]


def _random(seed: int) -> list[Step]:
    random = Random(seed)
    steps: list[Step] = []
    taken: set[tuple[str, int]] = set()
    for number in range(40):
        region, to = random.sample(REGIONS, 2)
        do = random.choice(["write"] * 6 + ["tell"] * 4 + ["post", "post", "arrive", "arrive", "arrive"])
        if random.random() < 0.02:
            do = "lose"
        act = None
        if do == "write":
            kind = random.choice(("view", "view", "wish", "wish", "unwish", "language"))
            what = random.choice(("de", "en", "fr") if kind == "language" else ("lamp", "mug"))
            at_ms = 10 * (number // 3)  # two regions often have the same time, and a region never twice
            while (region, at_ms) in taken:
                at_ms += 1
            taken.add((region, at_ms))
            act = Act(random.choice(USERS), kind, what, at_ms)
        posts = [step.number for step in steps if step.do == "post"]
        if do == "arrive" and not posts:
            continue
        steps.append(Step(do, region, to, act, random.choice(posts) if do == "arrive" else number))
    return steps


def _keeps_answers(make: MakeReplica) -> None:
    """An answer is made again when the profile has changed, and else not."""
    counted = Counted()
    ours, theirs = make("eu", counted), make("us", Counted())
    theirs.apply(Act("ann", "view", "lamp", 1))
    theirs.apply(Act("bob", "wish", "mug", 2))
    ours.merge(copied(theirs.state()))
    for user in USERS:
        ours.answer(user)
    before = counted.asked
    ours.answer("ann")
    expect(counted.asked == before, "ann asked twice and nothing had changed, but her answer was made anew.")
    ours.merge(copied(theirs.state()))
    ours.answer("ann")
    expect(
        counted.asked == before,
        "a message told nothing new, and ann's answer was made anew all the same: with every message all answers "
        "would be lost.",
    )
    theirs.apply(Act("bob", "wish", "lamp", 3))
    ours.merge(copied(theirs.state()))
    ours.apply(Act("bob", "view", "mug", 4))
    ours.answer("ann")
    expect(counted.asked == before, "only bob's profile changed, and ann's answer was made anew.")


def _promises(make: MakeReplica) -> tuple[float, int, float]:
    """every_s, copies and rto_s, if they are what can be promised at all."""
    promised = make("eu", Counted()).promises()
    numbers = isinstance(promised, dict) and all(
        isinstance(promised.get(name), (int, float)) and not isinstance(promised[name], bool) for name in PROMISES
    )
    expect(numbers, f"promises() gives {shorten(promised)}; a dict with numbers for {', '.join(PROMISES)} is needed.")
    every_s, copies, rpo_s, rto_s = (promised[name] for name in PROMISES)
    right = copies in (1, 2, 3)
    expect(right, f"copies is {shorten(copies)}; there are three regions, so it is 1, 2 or 3.")
    expect(
        LEAST_EVERY_S <= every_s <= 30, f"every_s is {shorten(every_s)}; {LEAST_EVERY_S} to 30 seconds were asked for."
    )
    expect(
        rpo_s == 0,
        f"rpo_s is {shorten(rpo_s)}: acknowledged writes may be lost, up to that many seconds of them; "
        "none was asked for, which is an RPO of 0.",
    )
    expect(0 <= rto_s <= MOST_RTO_S, f"rto_s is {shorten(rto_s)}; at most {MOST_RTO_S} seconds were asked for.")
    return float(every_s), int(copies), float(rto_s)


def _keeps_promises(make: MakeReplica, every_s: float, copies: int, rto_s: float) -> float:
    """The longest RTO in all schedules, in seconds."""
    waits, worst = [], 0.0
    for seed in range(SCHEDULES):
        schedule = random_schedule(seed)
        world = World(schedule, every_s=every_s, copies=copies, make=lambda name: make(name, as_profile)).run()
        for region, node in world.nodes.items():
            said = _wrong_answer(node.replica, region, world.written, node.known)
            expect(said is None, f"schedule {seed} ({_told(schedule)}), when the network was calm again: {said}")
        rpo, rto = world.rpo_s, world.rto_s
        expect(
            not rpo,
            f"schedule {seed} ({_told(schedule)}): with the region went writes that it had acknowledged, the oldest "
            f"{rpo or 0:.1f} s before. That is an RPO of {rpo or 0:.1f} s, and you promise 0.",
        )
        expect(
            rto is None or rto <= rto_s + 1e-9,
            f"schedule {seed} ({_told(schedule)}): it took {rto or 0:.1f} s until the next region had all that was "
            f"acknowledged, and you promise {rto_s:g} s.",
        )
        worst = max(worst, rto or 0.0)
        if schedule.cut is not None:
            waits.append(max((wait for _, while_cut, wait in world.waits() if while_cut), default=0.0))
    wait = float(np.percentile(waits, 90, method="lower"))
    expect(
        wait <= MOST_WAIT_S,
        f"while one region is cut off, writes in the two others wait up to {wait:.1f} s to be acknowledged, and in the "
        f"worst tenth of the schedules even longer; {MOST_WAIT_S} were asked for.",
    )
    return worst


def _told(schedule: Schedule) -> str:
    cut = schedule.cut and f"{schedule.cut[0]} cut off from {schedule.cut[1]:g} to {schedule.cut[2]:g} s"
    lost = schedule.lost and f"{schedule.lost[0]} lost at {schedule.lost[1]:g} s"
    return ", ".join(filter(None, (cut, lost))) or "nothing but delay, loss and doubling of messages"
