"""Restart strategies: what to do when a job fails. (Names as in Apache Flink's `RestartStrategies`.)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from recsys_lab.errors import JobError, shorten
from recsys_lab.flink.durations import duration_ms


class RestartStrategy(Protocol):
    """How long to wait before the n-th restart."""

    def delay_ms(self, restart: int) -> int | None:
        """Before restart number `restart` (1 is the first), in ms; None to give up."""


@dataclass(frozen=True)
class NoRestart:
    """The first failure ends the job."""

    def delay_ms(self, restart: int) -> int | None:
        return None


@dataclass(frozen=True)
class FixedDelay:
    """So many restarts, always after the same time."""

    attempts: int
    wait_ms: int

    def delay_ms(self, restart: int) -> int | None:
        return self.wait_ms if restart <= self.attempts else None


@dataclass(frozen=True)
class ExponentialDelay:
    """Wait longer after each failure in a row, up to a limit; give up after so many restarts, if told to."""

    initial_ms: int
    longest_ms: int
    multiplier: float
    attempts: int | None

    def delay_ms(self, restart: int) -> int | None:
        if self.attempts is not None and restart > self.attempts:
            return None
        try:
            wait = self.initial_ms * self.multiplier ** (restart - 1)
        except OverflowError:
            return self.longest_ms
        return int(min(wait, self.longest_ms))


class RestartStrategies:
    """Makers of restart strategies."""

    @staticmethod
    def no_restart() -> RestartStrategy:
        """The first failure ends the job: the default."""
        return NoRestart()

    @staticmethod
    def fixed_delay_restart(restart_attempts: int, delay_between_attempts: Any) -> RestartStrategy:
        """restart_attempts: from 0. delay_between_attempts: timedelta or ms."""
        if isinstance(restart_attempts, bool) or not isinstance(restart_attempts, int) or restart_attempts < 0:
            raise JobError(f"restart_attempts is {shorten(restart_attempts)}; a whole number from 0 is needed.")
        return FixedDelay(restart_attempts, duration_ms("delay_between_attempts", delay_between_attempts))

    @staticmethod
    def exponential_delay_restart(
        initial_backoff: Any, max_backoff: Any, backoff_multiplier: float = 2.0, restart_attempts: int | None = None
    ) -> RestartStrategy:
        """initial_backoff, max_backoff: timedelta or ms. restart_attempts: None for no limit."""
        if not isinstance(backoff_multiplier, (int, float)) or not backoff_multiplier >= 1:
            raise JobError(f"backoff_multiplier is {shorten(backoff_multiplier)}; a number from 1 is needed.")
        initial = duration_ms("initial_backoff", initial_backoff, least=1)
        longest = duration_ms("max_backoff", max_backoff, least=initial)
        return ExponentialDelay(initial, longest, float(backoff_multiplier), restart_attempts)
