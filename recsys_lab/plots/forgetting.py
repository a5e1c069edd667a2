"""What a job remembers, with and without a time to live."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.style import BLUE, INK, RED, Picture, picture


def remembered(table: pd.DataFrame) -> Picture:
    """Customers in the state over time. table: of `experiments.remembered`."""
    kinds = {str(kind): rows for kind, rows in table.groupby("time_to_live", sort=False)}
    (limit,) = [kind for kind in kinds if kind != "none"]
    grown, most = int(kinds["none"]["held"].max()), int(kinds[limit]["held"].max())
    finding = f"Without a time to live the state grows to {grown} customers; with {limit} it holds {most} at most"
    figure, (ax,) = picture(finding, height=3.0)
    for kind, colour in (("none", RED), (limit, BLUE)):
        rows = kinds[kind]
        ax.step(rows["time"], rows["held"], where="post", color=colour, linewidth=1.8, label=_called(kind))
    ax.legend(fontsize=9, frameon=False, loc="upper left")
    days = pd.date_range(table["time"].min().floor("D"), table["time"].max().ceil("12h"), freq="12h")
    ax.set_xticks(days, [f"{day:%a %H:%M}" for day in days])
    ax.set(xlabel="time (of the job's clock)", ylabel="customers in the state")
    ax.set_ylim(bottom=0)
    ax.tick_params(axis="x", labelcolor=INK)
    return figure


def _called(kind: str) -> str:
    return "no time to live" if kind == "none" else f"time to live {kind}"
