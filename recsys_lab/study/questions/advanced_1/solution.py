"""A model, a cache and a queue for each tenant; turns are dealt out in time, by deficit round robin."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

QUANTUM_MS = 10.0


class Tenant:
    """All that belongs to one tenant, so that nothing has to be told apart later."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.answers: dict[str, Any] = {}
        self.waiting: deque[tuple[str, float]] = deque()
        self.credit_ms = 0.0


class Platform:
    """Tenants on one server: whose turn it is, and what each of them knows."""

    def __init__(self, make_model: Callable[[], Any], quota: int) -> None:
        self._make_model = make_model
        self._quota = quota
        self._tenants: dict[str, Tenant] = {}
        self._turns: deque[Tenant] = deque()  # those of whom something waits

    def learn(self, tenant: str, user: str, item: str) -> None:
        own = self._of(tenant)
        own.model.learn(user, item)
        own.answers.clear()

    def recommend(self, tenant: str, user: str) -> Any:
        own = self._of(tenant)
        if user not in own.answers:
            own.answers[user] = own.model.recommend(user)
        return own.answers[user]

    def submit(self, tenant: str, request: str, cost_ms: float) -> bool:
        own = self._of(tenant)
        if len(own.waiting) >= self._quota:
            return False
        if not own.waiting:
            self._turns.append(own)
        own.waiting.append((request, cost_ms))
        return True

    def next(self) -> str | None:
        while self._turns:
            own = self._turns[0]
            request, cost_ms = own.waiting[0]
            if cost_ms > own.credit_ms:  # not enough for it in this turn: some more for the next
                own.credit_ms += QUANTUM_MS
                self._turns.rotate(-1)
                continue
            own.waiting.popleft()
            own.credit_ms -= cost_ms
            if not own.waiting:  # who has nothing to do saves nothing up
                own.credit_ms = 0.0
                self._turns.popleft()
            return request
        return None

    def _of(self, tenant: str) -> Tenant:
        if tenant not in self._tenants:
            self._tenants[tenant] = Tenant(self._make_model())
        return self._tenants[tenant]
