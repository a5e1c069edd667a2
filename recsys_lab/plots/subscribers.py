"""Readers of one stream: how far behind each is, and what became of the events."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.style import BLUE, COLOURS, FAINT, GREY, INK, RED, Picture, picture

_COLOUR_OF = {"quick": BLUE, "slow": COLOURS["stale"], "failing": RED}
_STYLE_OF = {"quick": "-", "slow": "-", "failing": ":"}


def subscribers_sentence(table: pd.DataFrame) -> str:
    """What `experiments.subscribers` found, in words."""
    last = table.groupby("reader").last()
    slow, failing = last.loc["slow"], last.loc["failing"]
    behind = f"misses {slow.missed} of {slow.published} events" if slow.missed else "misses nothing"
    return f"The slow reader {behind}; {failing.errors} errors of the failing one stop nobody"


def subscribers(table: pd.DataFrame) -> Picture:
    """Left: lag over time; right: what became of the events. table: of `experiments.subscribers`."""
    figure, (lag, fate) = picture(subscribers_sentence(table), columns=2, height=3.4)
    for reader, rows in table.groupby("reader", sort=False):
        colour, style = _COLOUR_OF[str(reader)], _STYLE_OF[str(reader)]
        lag.plot(rows["second"], rows["lag"], color=colour, linestyle=style, linewidth=2)
    slow = table[table["reader"] == "slow"]
    peak, stop = int(slow["lag"].argmax()), int(slow["published"].argmax())  # an entry a second
    top = (peak, slow["lag"].max())
    lag.annotate("slow", top, (0, 5), textcoords="offset points", color=_COLOUR_OF["slow"])
    lag.annotate("quick, failing", (stop / 2, 0), (0, 5), textcoords="offset points", color=GREY, ha="center")
    lag.axvline(stop, color=INK, linewidth=1, linestyle=":")
    lag.text(stop + 2, 0.97, "last event", transform=lag.get_xaxis_transform(), va="top", fontsize=8, color=INK)
    lag.set(xlabel="time (seconds, simulated)", ylabel="events behind (lag)")
    lag.margins(y=0.18)
    lag.set_ylim(bottom=0)

    last = table.groupby("reader", sort=False).last().iloc[::-1]
    handled = last["delivered"] - last["errors"]
    parts = (
        ("handled", handled, COLOURS["fresh"], ""),
        ("failed, kept as dead letters", last["errors"], RED, ""),
        ("missed", last["missed"], FAINT, "///"),
    )
    left = handled * 0
    for label, counts, colour, hatch in parts:
        fate.barh(last.index, counts, left=left, color=colour, hatch=hatch, edgecolor="white", height=0.55, label=label)
        for place, (count, start) in enumerate(zip(counts, left, strict=True)):
            if count:
                fate.text(start + count / 2, place, str(count), ha="center", va="center", fontsize=8, color=INK)
        left = left + counts
    fate.set(xlabel="events")
    fate.grid(visible=False)
    fate.legend(
        loc="upper center",
        bbox_to_anchor=(0.45, 1.16),
        fontsize=8,
        frameon=False,
        ncols=3,
        columnspacing=1.0,
        handlelength=1.2,
    )
    return figure
