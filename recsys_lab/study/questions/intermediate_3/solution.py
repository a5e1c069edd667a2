"""Wait a little longer as long as all goes well, and clearly less as soon as it doesn't; well below the bound."""

from __future__ import annotations

AIM_MS = 0.85 * 200.0
STEP_MS, BACK = 3.0, 0.85


class Batcher:
    """Additive increase, multiplicative decrease of the age at which a batch is sent."""

    def __init__(self) -> None:
        self.wait_ms = 0.0

    def plan(self, waiting: int, oldest_ms: float) -> tuple[int, float]:
        return 1000, self.wait_ms

    def done(self, size: int, service_ms: float, worst_ms: float) -> None:
        if worst_ms < AIM_MS:
            self.wait_ms += STEP_MS
        else:
            self.wait_ms *= BACK
