"""What the shop sends, and what is refused before any broker is started; the answers themselves try the brokers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from recsys_lab import study
from recsys_lab.study.questions.beginner_2 import check as checked
from recsys_lab.study.questions.beginner_2.traffic import HIT, RESELLER, STEPS, orders, views

POSSIBLE = ["a1 a2 b1", "a1 b1 a2", "b1 a1 a2"]


def flow(**changes: Any) -> dict[str, Any]:
    return {"key": lambda event: event.id, "acks": 1, "commit": "after", **changes}


def answer(**changes: Any) -> dict[str, Any]:
    return {"orders": flow(), "views": flow(), "possible": POSSIBLE, **changes}


@pytest.fixture(autouse=True)
def _no_brokers(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("a broker was asked for")

    monkeypatch.setattr(checked, "three_brokers", refuse)


def test_each_order_takes_its_steps_one_after_the_other() -> None:
    taken: dict[str, list[str]] = {}
    for event in orders():
        taken.setdefault(event.order, []).append(event.step)

    assert set(map(tuple, taken.values())) == {STEPS}


def test_one_customer_and_one_item_are_three_quarters_of_it_all() -> None:
    customers, items = Counter(event.customer for event in orders()), Counter(event.item for event in views())

    assert customers[RESELLER] / customers.total() == 0.75
    assert items[HIT] / items.total() >= 0.75
    assert len({event.id for event in [*orders(), *views()]}) == len(orders()) + len(views())


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"orders": flow(acks=2)}, 'orders: acks is 2; Kafka knows 0, 1 and "all"'),
        ({"orders": flow(acks=True)}, "orders: acks is True"),
        ({"views": flow(acks=["all"])}, "views: acks is ['all']"),
        ({"views": flow(commit="during")}, "views: commit is 'during'"),
        ({"orders": flow(key="order")}, "orders: key is 'order'; a function"),
        ({"orders": flow(key=lambda event: 7)}, "is 7; Kafka takes text, bytes, or None"),
        ({"orders": flow(key=lambda event: event.user)}, "raised AttributeError"),
        ({"orders": None}, "orders: a dict with key, acks and commit is needed"),
        ({"views": {"acks": 0}}, "views: `key` is missing"),
        ({"possible": 3}, "possible is 3; a list of orders"),
        ({"possible": ["a1 b1"]}, "'a1 b1' is no order of a1, a2 and b1"),
        ({"possible": [None]}, "None is no order"),
        ({"possible": [*POSSIBLE, "b1 a2 a1"]}, "b1 a2 a1 cannot happen"),
        ({"possible": POSSIBLE[:2]}, "more can (you name 2)"),
    ],
)
def test_what_is_plainly_wrong_is_refused_at_once(wrong: dict[str, Any], told: str) -> None:
    report = study.check("beginner-2", answer(**wrong))

    assert report.attempted
    assert told in repr(report)


@pytest.mark.parametrize(
    "left", [{"possible": ...}, {"views": flow(acks=...)}, {"orders": flow(key=lambda event: ...)}]
)
def test_half_an_answer_is_not_attempted_yet(left: dict[str, Any]) -> None:
    assert repr(study.check("beginner-2", answer(**left))) == "not attempted yet"
