"""A rush: where visits wait, and which are lost."""

from __future__ import annotations

from typing import Any

import pandas as pd

from recsys_lab.plots.style import BLUE, INK, RED, SKY, Picture, picture


def overload_finding(table: pd.DataFrame) -> str:
    """The worst of each way. table: of `experiments.overloads`."""
    said = []
    for way, rows in table.groupby("way", sort=False):
        memory, log, dropped = (int(rows[name].max()) for name in ("in_memory", "in_log", "dropped"))
        if dropped:
            said.append(f"a full buffer drops {dropped:,}")
        elif way == "unbounded":
            said.append(f"no bound: {memory:,} visits in memory")
        else:
            said.append(f"backpressure leaves {log:,} in the log" if log else "backpressure has nothing to hold back")
    return _sentence_case("; ".join(said))


def overload_sentence(table: pd.DataFrame) -> str:
    """How long people waited, and what a crash would have taken. table: of `experiments.overloads`."""
    delays = table.groupby("way", sort=False)["delay_s"].max()
    memory = table.groupby("way", sort=False)["in_memory"].max()
    return (
        f"{overload_finding(table)}. The longest delay is {delays['unbounded']:.0f} s unbounded, "
        f"{delays['drop']:.1f} s when dropping, {delays['backpressure']:.0f} s with backpressure; a crash at the worst "
        f"moment would take {memory['unbounded']:,}, {memory['drop']:,} and {memory['backpressure']:,} visits with it."
    )


def overload(table: pd.DataFrame) -> Picture:
    """A panel for each way: visits in memory, waiting in the log, and dropped, second by second."""
    ways: list[Any] = list(table.groupby("way", sort=False))
    figure, axes = picture(overload_finding(table), columns=len(ways), height=3.4)
    most = 1.12 * max(10, (table["in_memory"] + table["in_log"]).max(), table["dropped"].max())
    for ax, (way, rows) in zip(axes, ways, strict=True):
        first = ax is axes[0]
        ax.fill_between(
            rows["second"], rows["in_memory"], color=BLUE, linewidth=0, label="in memory" if first else None
        )
        ax.fill_between(
            rows["second"], rows["in_memory"], rows["in_memory"] + rows["in_log"], color=SKY, alpha=0.6, linewidth=0,
            label="waiting in the log" if first else None,
        )  # fmt: skip
        ax.plot(rows["second"], rows["dropped"], color=RED, linewidth=2, label="dropped so far" if first else None)
        ax.set_title(f"{way}: longest delay {rows['delay_s'].max():.0f} s", fontsize=9.5, loc="left", color=INK)
        ax.set(xlabel="time (s)", ylim=(0, most))
    axes[0].set_ylabel("visits")
    figure.legend(loc="outside lower left", fontsize=8.5, frameon=False, ncols=3)
    return figure


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]
