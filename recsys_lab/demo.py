"""The live view of a run in the terminal: one calm table that is redrawn as the run goes on."""

from __future__ import annotations

import asyncio

import pandas as pd
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from recsys_lab.engine import StreamingRecommendationEngine
from recsys_lab.experiments.live import live_run, start_of
from recsys_lab.experiments.monitoring.figures import LiveFigures, rows
from recsys_lab.experiments.settings import InMemory, OnKafka, Setting


def demo(
    interactions: pd.DataFrame, *, seed: int = 0, kafka: bool = False, console: Console | None = None
) -> LiveFigures:
    """Show a run over the interactions to its end, and give its last figures. Ctrl-C ends it early.

    kafka: through a real Kafka (the one that KAFKA_BOOTSTRAP_SERVERS names, else one for this run), not in memory.
    """
    console = console or Console()
    return asyncio.run((_on_kafka if kafka else _in_memory)(interactions, seed, console))


async def _in_memory(interactions: pd.DataFrame, seed: int, console: Console) -> LiveFigures:
    clock = start_of(interactions)
    async with StreamingRecommendationEngine(clock=clock, seed=seed, exploration=0.0) as engine:
        return await _show(InMemory(engine, clock), interactions, seed, console, ask_every=20)


async def _on_kafka(interactions: pd.DataFrame, seed: int, console: Console) -> LiveFigures:
    from recsys_lab.kafka import KafkaRecommendationSystem, LocalKafka

    clock = start_of(interactions)
    with console.status("Starting Kafka ..."):
        kafka = LocalKafka.or_external().start()
    try:
        options = {"exploration": 0.0}
        async with KafkaRecommendationSystem(
            kafka.bootstrap_servers, clock=clock, seed=seed, engine_options=options
        ) as system:
            return await _show(OnKafka(system, clock), interactions, seed, console, ask_every=400)
    finally:
        kafka.stop()


async def _show(
    setting: Setting, interactions: pd.DataFrame, seed: int, console: Console, *, ask_every: int
) -> LiveFigures:
    figures: LiveFigures | None = None
    with Live(console=console, refresh_per_second=8) as live:
        async for figures in live_run(setting, interactions, seed=seed, ask_every=ask_every):
            live.update(view(figures))
    assert figures is not None, "live_run yields at the end of every run"
    return figures


def view(figures: LiveFigures) -> Group:
    """The figures as a table over a progress bar."""
    table = Table(show_header=False, box=None, padding=(0, 1))
    for row in rows(figures):
        table.add_row(row.name, f"[bold]{row.value}[/bold]", f"[dim]{row.meaning}[/dim]")
    return Group(table, ProgressBar(total=figures.total, completed=figures.interactions, width=60))
