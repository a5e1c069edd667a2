"""Before the start, after the stop, and in between."""

from __future__ import annotations

import asyncio

import pytest

from recsys_lab.clock import SimulatedClock
from recsys_lab.errors import LabError
from recsys_lab.events import UserInteractionEvent
from tests.builders import a_click
from tests.engine.shop import Engine, a_request, a_small_shop, responses, with_engine


def test_calls_before_start_and_after_stop_are_lab_errors_that_leave_no_trace():
    async def refused(engine: Engine) -> None:
        with pytest.raises(LabError, match="not running"):
            await engine.process_user_interaction("ann", "lamp", "click")
        with pytest.raises(LabError, match="not running"):
            await engine.get_recommendations("ann")
        with pytest.raises(LabError, match="not running"):
            await engine.update_item("lamp", {})
        with pytest.raises(LabError, match="not running"):
            engine.explain("ann", "lamp")

    async def main() -> None:
        engine = Engine(clock=SimulatedClock())
        await refused(engine)
        async with engine:
            await a_small_shop(engine)
            assert all(processor.is_running for processor in engine.processors.values())
        await refused(engine)
        assert not any(processor.is_running for processor in engine.processors.values())
        assert [stream.next_offset for stream in engine.event_streams.values()] == [7, 0, 0]

    asyncio.run(main())


def test_a_stopped_engine_goes_on_where_it_had_stopped():
    async def main() -> None:
        engine = Engine(clock=SimulatedClock())
        engine.event_streams["interactions"].publish(a_click("ann", "lamp"))
        engine.event_streams["requests"].publish(a_request("before", user_id="bob"))
        for number in range(3):
            await engine.start()
            await engine.start()
            await engine.process_user_interaction("ann", "desk", "click")
            await engine.stop()
            await engine.stop()
            engine.event_streams["interactions"].publish(a_click("ann", "rug"))
            engine.event_streams["requests"].publish(a_request(f"while stopped {number}", user_id="bob"))
        assert engine.user_profiles["ann"].interaction_count == 1 + 3 + 2
        async with engine:
            assert engine.user_profiles["ann"].items == {"lamp": 1, "desk": 3, "rug": 3}
        assert [(response.request_id, "error" in response.data) for response in responses(engine)] == [
            *[("before", False), ("while stopped 0", False), ("while stopped 1", False), ("while stopped 2", False)]
        ]

    asyncio.run(main())


@pytest.mark.timeout(20)
def test_a_call_that_cannot_be_answered_is_a_lab_error():
    """From a plain callback: what it publishes is delivered afterwards, so it can't wait for the answer."""

    async def work(engine: Engine) -> None:
        errors: list[Exception] = []

        def calls_back(event: UserInteractionEvent) -> None:
            subscription.close()
            for call in (engine.get_recommendations("ann"), engine.process_user_interaction("ann", "desk", "view")):
                try:
                    call.send(None)
                except Exception as error:
                    errors.append(error)

        subscription = engine.event_streams["interactions"].subscribe(calls_back)
        engine.event_streams["interactions"].publish(a_click("ann", "lamp"))
        assert [type(error) for error in errors] == [LabError, LabError]
        assert "callback" in str(errors[0])
        assert await engine.get_recommendations("bob")

    with_engine(work)
