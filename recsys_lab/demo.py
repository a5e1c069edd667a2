"""The live view of a run in the terminal: one calm table that is redrawn as the run goes on.

In a file or a pipe nothing can be redrawn: there a line says how far it is, ten times, and the table comes at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pandas as pd
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from recsys_lab.experiments.monitoring.figures import LiveFigures, figure_rows
from recsys_lab.experiments.monitoring.shops import shop_run


def demo(
    interactions: pd.DataFrame, *, seed: int = 0, kafka: bool = False, console: Console | None = None
) -> LiveFigures:
    """Show a run over the interactions to its end, and give its last figures. Ctrl-C ends it early.

    kafka: through a real Kafka (the one that KAFKA_BOOTSTRAP_SERVERS names, else one for this run), not in memory.
    """
    console = console or Console()
    return asyncio.run((_on_kafka if kafka else _in_memory)(interactions, seed, console))


async def _in_memory(interactions: pd.DataFrame, seed: int, console: Console) -> LiveFigures:
    return await _show(shop_run(interactions, seed=seed), console)


async def _on_kafka(interactions: pd.DataFrame, seed: int, console: Console) -> LiveFigures:
    from recsys_lab.kafka import LocalKafka

    with console.status("Starting Kafka ..."):
        kafka = LocalKafka.or_external().start()
    try:
        return await _show(shop_run(interactions, servers=kafka.bootstrap_servers, seed=seed), console)
    finally:
        kafka.stop()


async def _show(run: AsyncIterator[LiveFigures], console: Console) -> LiveFigures:
    figures: LiveFigures | None = None
    tenths = 0
    with Live(console=console, refresh_per_second=8) as live:
        async for figures in run:
            live.update(view(figures))
            done = figures.interactions * 10 // figures.total
            if not console.is_terminal and done > tenths:
                tenths = done
                console.print(f"{figures.interactions:,} of {figures.total:,} interactions")
    assert figures is not None, "a run yields at its end"
    return figures


def view(figures: LiveFigures) -> Group:
    """The figures as a table over a progress bar."""
    table = Table(show_header=False, box=None, padding=(0, 1))
    for row in figure_rows(figures):
        table.add_row(row.name, f"[bold]{row.value}[/bold]", f"[dim]{row.meaning}[/dim]")
    return Group(table, ProgressBar(total=figures.total, completed=figures.interactions, width=60))
