"""States that live for a while, on Apache Flink: the handles around PyFlink's, without a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from recsys_lab.flink import ListStateDescriptor, StateTtlConfig
from tests.flink.apache.running import needs_flink

pytestmark = [pytest.mark.integration, needs_flink]


class _Runtime:
    """PyFlink's runtime context and value state, as far as a list that expires needs them."""

    held: Any = None

    def get_state(self, descriptor: Any) -> _Runtime:
        return self

    def value(self) -> Any:
        return self.held

    def update(self, value: Any) -> None:
        self.held = value

    def clear(self) -> None:
        self.held = None


@pytest.mark.parametrize(
    ("on_read", "expected"),
    [(False, [[0], [0, 6], [6, 12], [12, 18]]), (True, [[0], [0, 6], [0, 6, 12], [0, 6, 12, 18]])],
)
def test_elements_of_a_list_expire_each_by_itself(
    monkeypatch: pytest.MonkeyPatch, on_read: bool, expected: list[list[int]]
) -> None:
    from recsys_lab.flink.apache import states

    ttl = StateTtlConfig.new_builder(10)
    descriptor = ListStateDescriptor("seen", int)
    descriptor.enable_time_to_live(ttl.update_ttl_on_read_and_write() if on_read else ttl)
    seen = states.States(_Runtime(), "gather").get_list_state(descriptor)
    got = []
    for now in (0, 6, 12, 18):
        monkeypatch.setattr(states, "_now", lambda now=now: now)
        seen.add(now)
        got.append(seen.get())

    assert got == expected
    seen.update([1, 2])
    assert seen.get() == [1, 2]
    seen.clear()
    assert seen.get() == []
