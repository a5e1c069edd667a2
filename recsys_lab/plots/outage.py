"""An outage as a sink sees it: when it is called, by how clients wait between attempts."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.style import BLUE, GREEN, GREY, INK, Picture, picture


def outage_sentence(table: pd.DataFrame) -> str:
    """How often the sink is called, for each way to wait. table: of `experiments.outage`."""
    calls = [f"{len(rows)} {waits}" for waits, rows in table.groupby("waits", sort=False)]
    return f"Calls of one client in one outage: {', '.join(calls)}"


def outage(table: pd.DataFrame) -> Picture:
    """A lane for each way to wait, a stroke for each call. table: of `experiments.outage`."""
    figure, (ax,) = picture(outage_sentence(table), height=2.9)
    names = list(table["waits"].unique())
    for lane, name in enumerate(names):
        own = table[table["waits"] == name]
        failed, taken = own[own["outcome"] != "delivered"], own[own["outcome"] == "delivered"]
        ax.vlines(failed["second"], lane - 0.3, lane + 0.3, color=BLUE, linewidth=0.9)
        ax.scatter(taken["second"], [lane] * len(taken), color=GREEN, s=60, zorder=3)
    over = table.loc[table["outcome"] == "delivered", "second"].min()
    ax.axvspan(0, over, color=GREY, alpha=0.12, linewidth=0)
    ax.text(over / 2, -0.62, "the sink is down", ha="center", color=GREY, fontsize=9)
    ax.set_yticks(range(len(names)), [f"tries again\n{name}" for name in names])
    ax.set(ylim=(len(names) - 0.5, -0.8), xlabel="seconds since the first call (| no answer, ● delivered)")
    ax.tick_params(axis="y", labelcolor=INK)
    ax.grid(visible=False)
    return figure
