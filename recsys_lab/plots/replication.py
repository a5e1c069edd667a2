"""A leader that dies: what had been acknowledged, and what of it can be read."""

from __future__ import annotations

import pandas as pd
from matplotlib.patches import Patch

from recsys_lab.plots.style import FAINT, GREEN, GREY, INK, RED, Picture, picture

FROZEN = 0.6


def replication_finding(table: pd.DataFrame) -> str:
    """What was lost, in a sentence. table: of `experiments.kill_the_leader`, or a part of it."""
    gone = table["acknowledged"].notna() & ~table["readable"]
    by_acks = gone.groupby(table["acks"]).sum()
    lost = [f"acks={acks}" for acks in ("0", "1", "all") if by_acks.get(acks, 0)]
    kept = [f"acks={acks}" for acks in ("0", "1", "all") if acks in by_acks.index and not by_acks[acks]]
    if not lost:
        return f"The leader dies: {' and '.join(kept)} loses nothing that was acknowledged"
    rest = f", {' and '.join(kept)} loses none" if kept else ""
    return f"The leader dies: {' and '.join(lost)} lose{'s' * (len(lost) == 1)} acknowledged records{rest}"


def replication_sentence(table: pd.DataFrame) -> str:
    """The finding for one producer, and how long it had to wait."""
    acks, insync = table["acks"].iloc[0], int(table["insync"].iloc[0])
    finding = replication_finding(table)
    if acks != "all":
        kind = "Nobody confirmed anything" if acks == "0" else "The leader alone had them"
        return f"{finding}. {kind} while the two others stood still."
    first = table.loc[table["acknowledged"] > 0.05, "acknowledged"].min()
    waited = first >= table["restarted"].iloc[0]
    if insync == 3:
        until = "until the broker was back" if waited else "until there was a new leader"
        return f"{finding}. With three in sync asked for, nothing was acknowledged {until}."
    return f"{finding}. While the others stood still nothing was acknowledged, and after that by the new leader."


def replication(table: pd.DataFrame) -> Picture:
    """A row for each producer; each record is a tick at the time it was acknowledged."""
    flows = list(table.groupby(["acks", "insync"], sort=False))
    figure, (ax,) = picture(replication_finding(table), height=1.6 + 0.5 * max(2, len(flows)))
    restarted = float(table["restarted"].iloc[0])
    end = max(restarted, float(table["sent"].max()))
    for place, (_, rows) in enumerate(flows):
        gone = rows["acknowledged"].notna() & ~rows["readable"]
        for chosen, colour in ((~gone, GREEN), (gone, RED)):
            ax.vlines(rows.loc[chosen, "acknowledged"], place - 0.3, place + 0.3, color=colour, linewidth=0.5)
        lost = f"{gone.sum()} of {len(rows):,} lost" if gone.any() else f"none of {len(rows):,} lost"
        ax.text(1.02 * end + 0.2, place, lost, va="center", fontsize=9, color=RED if gone.any() else INK)
    names = [f"acks={acks}" + (f", {insync} in sync" if acks == "all" else "") for (acks, insync), _ in flows]
    ax.set_yticks(range(len(flows)), names)
    ax.axvspan(-FROZEN, 0, color=FAINT, linewidth=0, zorder=0)
    marks = ((-FROZEN, "others\nstand still", GREY, "right"), (0.0, "leader killed", RED, "left"))
    for second, what, colour, side in (*marks, (restarted, "started again", INK, "left")):
        ax.axvline(second, color=colour, linewidth=1.1, linestyle="--")
        ax.text(second + (0.08 if side == "left" else -0.08), -0.55, what, color=colour, fontsize=8.5, ha=side,
                va="bottom", linespacing=0.95)  # fmt: skip
    keys = [Patch(color=GREEN, label="acknowledged, can be read"), Patch(color=RED, label="acknowledged, and gone")]
    ax.legend(handles=keys, loc="upper center", bbox_to_anchor=(0.42, -0.2), ncols=2, fontsize=9, frameon=False)
    ax.set(xlabel="acknowledged at (seconds after the kill)", xlim=(table["sent"].min() - 0.1, 1.22 * end),
           ylim=(len(flows) - 0.5, -1.25))  # fmt: skip
    ax.grid(visible=False)
    return figure


def acknowledged(table: pd.DataFrame) -> Picture:
    """One producer over time: records sent, acknowledged, and of those the ones that can be read at the end."""
    figure, (ax,) = picture(replication_finding(table), height=3.5)
    safe = table[table["readable"]]
    lines = (("sent", table["sent"], GREY, ":"), ("acknowledged", table["acknowledged"].dropna(), RED, "-"),
             ("acknowledged, and can be read", safe["acknowledged"].dropna(), GREEN, "-"))  # fmt: skip
    for name, moments, colour, style in lines:
        ordered = moments.sort_values()
        ax.plot(ordered, range(1, len(ordered) + 1), color=colour, linestyle=style, linewidth=2, label=name)
    restarted = float(table["restarted"].iloc[0])
    ax.axvspan(-FROZEN, 0, color=FAINT, linewidth=0, zorder=0)
    for second, what in ((0.0, "leader killed"), (restarted, "started again")):
        ax.axvline(second, color=INK, linewidth=1, linestyle="--")
        ax.text(second + 0.08, 0.98, what, fontsize=8.5, color=INK, va="top", transform=ax.get_xaxis_transform())
    ax.set(xlabel="time (seconds after the kill)", ylabel="records so far", ylim=(0, 1.12 * len(table)))
    ax.legend(loc="lower right", fontsize=9, facecolor="white", edgecolor="white", framealpha=1)
    return figure
