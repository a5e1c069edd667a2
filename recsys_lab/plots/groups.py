"""A group's rebalances over time: who has which partition, and how far behind the group is."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.style import BLUE, FAINT, INK, ORANGE, RED, Picture, picture

_COLOUR_OF = {"A": BLUE, "B": ORANGE, "": FAINT}


def rebalance_finding(lag: pd.DataFrame, changes: dict[float, str]) -> str:
    """What the lag did, in a sentence that is true of this run."""
    total = lag.groupby("second")["lag"].sum()
    joins, leaves = sorted(changes)
    alone, together = total[total.index < joins], total[(total.index >= joins) & (total.index < leaves)]
    last = lag[lag["second"] == lag["second"].max()]
    if alone.iloc[-1] > alone.iloc[0] and together.iloc[-1] < alone.iloc[-1] and (last["owner"] == "A").all():
        return "One member falls behind; two catch up; when one leaves, the other takes over its partitions"
    return "In this run the machine was too busy: two members did not catch up"


def rebalance(lag: pd.DataFrame, changes: dict[float, str]) -> Picture:
    """Above: owner of each partition; below: lag of the group. lag, changes: of `experiments.rebalance`."""
    figure, (owners, behind) = picture(rebalance_finding(lag, changes), rows=2, height=4.4)
    for partition, rows in lag.groupby("partition"):
        seconds = list(rows["second"])
        for start, end, owner in zip(seconds, [*seconds[1:], seconds[-1] + 0.1], rows["owner"], strict=True):
            owners.barh(int(str(partition)), end - start, left=start, height=0.7, color=_COLOUR_OF[owner], linewidth=0)
    total = lag.groupby("second")["lag"].sum()
    behind.plot(total.index, total, color=INK, linewidth=2)
    for second, what in changes.items():
        for ax in (owners, behind):
            ax.axvline(second, color=RED, linewidth=1.2, linestyle="--")
        owners.text(second + 0.06, -0.62, what, color=RED, fontsize=9, va="bottom")
    for place, name in enumerate("AB"):
        owners.text(0.08 + 1.1 * place, -0.62, f"■ member {name}", color=_COLOUR_OF[name], fontsize=9, va="bottom")
    partitions = sorted(lag["partition"].unique())
    owners.set_yticks(partitions, [f"partition {number}" for number in partitions])
    owners.set_ylim(len(partitions) - 0.5, -1.1)
    owners.grid(visible=False)
    behind.set(xlabel="time (seconds)", ylabel="events behind (lag)", ylim=(0, 1.25 * total.max() + 1))
    for ax in (owners, behind):
        ax.set_xlim(0, lag["second"].max() + 0.1)
    return figure
