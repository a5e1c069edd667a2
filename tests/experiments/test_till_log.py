"""Payments are delivered at least once, each till in order; a power cut leaves all of a write or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from recsys_lab import experiments
from recsys_lab.experiments.till_log import Cut, Delivery, Disk, Payment, Power, PowerCut, every_cut, mixed

PAYMENTS = [Payment(till, number, "ann", 100) for number in (1, 2, 3) for till in ("north", "south")]


class Diary:
    """Remembers on no disk what it was given, over all lives; writes once for each."""

    given: list[str]

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    def deliver(self, payment: Payment) -> None:
        self.disk.put("last", payment.id)
        self.given.append(payment.id)

    def balance(self, account: str) -> int:
        return 0


def delivered(cuts: list[Cut], note_every: int) -> list[str]:
    diary = type("FreshDiary", (Diary,), {"given": []})
    Delivery(diary, PAYMENTS, cuts, note_every).run()
    return list(diary.given)


@pytest.mark.parametrize("note_every", [0, 1, 2])
def test_every_payment_comes_at_least_once_and_each_till_in_order(note_every: int) -> None:
    for cut in every_cut(type("OneDiary", (Diary,), {"given": []}), PAYMENTS, note_every):
        given = delivered([cut], note_every)
        assert set(given) == {payment.id for payment in PAYMENTS}
        for till in ("north", "south"):
            last = [each for each in given if each.startswith(till)][-3:]
            assert last == sorted(last)


def test_what_was_noted_does_not_come_again_and_what_was_not_does() -> None:
    after_the_note, before_the_note = Cut(4, after=True), Cut(4, after=False)
    assert delivered([after_the_note], 1).count("south/1") == 1
    assert delivered([before_the_note], 1).count("south/1") == 2
    assert delivered([Cut(6, after=True)], 0).count("north/1") == 2


def test_tills_are_mixed_in_another_way_after_a_crash() -> None:
    assert mixed(PAYMENTS, 0) == PAYMENTS
    assert [payment.id for payment in mixed(PAYMENTS, 2)] == [
        "north/1", "north/2", "north/3", "south/1", "south/2", "south/3",
    ]  # fmt: skip
    assert mixed(PAYMENTS, 1) == sorted(PAYMENTS, key=lambda each: (each.till != "south", each.number))


@pytest.mark.parametrize(("after", "expected"), [(False, {"a": 1}), (True, {"a": 2, "b": [3]})])
def test_several_values_are_written_together_or_not_at_all(after: bool, expected: dict[str, Any]) -> None:
    power = Power([Cut(2, after)])
    disk = Disk(power)
    disk.put("a", 1)
    with pytest.raises(PowerCut):
        disk.put_all({"a": 2, "b": [3]})
    with pytest.raises(PowerCut):
        disk.get("a")
    power.on = True
    assert dict(disk.items()) == expected


def test_what_the_disk_gives_is_a_copy() -> None:
    disk = Disk(Power())
    value = {"seen": [1]}
    disk.put("a", value)
    value["seen"].append(2)
    disk.get("a")["seen"].append(3)
    assert disk.get("a") == {"seen": [1]}


def test_the_table_tells_for_each_step_what_the_account_holds() -> None:
    class Adds:
        def __init__(self, disk: Disk) -> None:
            self.disk = disk

        def deliver(self, payment: Payment) -> None:
            self.disk.put(payment.account, self.disk.get(payment.account, 0) + payment.amount)

        def balance(self, account: str) -> int:
            held: int = self.disk.get(account, 0)
            return held

    table = experiments.crash_at_each_step({"adds": Adds}, note_every=1)

    assert list(table["step"]) == [1, 1, 2, 2, 3, 3, 4, 4]
    assert list(table["held"]) == [800, 1300, 1300, 800, 800, 1100, 1100, 800]
    assert set(table["right"]) == {800}


def test_each_faulty_sink_is_faulty_in_its_own_way() -> None:
    table = experiments.crash_at_each_step()
    wrong = (table["held"] - table["right"]).groupby(table["sink"])
    assert wrong.max().to_dict() == {"balance, then mark": 500, "last id": 500, "mark, then balance": 0}
    assert wrong.min().to_dict() == {"balance, then mark": 0, "last id": 0, "mark, then balance": -500}
