"""Drift as pictures: a detector at work, what detectors find, what a reaction is worth, a season in a shop's year."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.dates import date2num

from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, FAINT, GREEN, GREY, INK, ORANGE, RED, Picture, percent, picture

_WORLD = {
    "none": "Nothing changes",
    "abrupt": "All tastes change at once",
    "gradual": "Tastes change over ten days",
    "season": "One category has its season",
    "new items": "New items appear",
}


def drift_lab(table: pd.DataFrame, trade: pd.DataFrame) -> Picture:
    """Left: a signal and the alarms of a detector; right: delay against false alarms for all its settings.

    table: of `experiments.watched`. trade: of `experiments.trade_off`, the setting at hand marked `now`.
    """
    figure, (ax, settings) = picture(drift_lab_finding(table), columns=2)
    events = table["offset"] / 1_000
    ax.plot(events, table["level"], color=BLUE, linewidth=1.2)
    begins, ends = table.attrs["begins"], table.attrs["ends"]
    if begins < table.attrs["events"]:
        ax.axvspan(begins / 1_000, max(ends, begins + 300) / 1_000, color=ORANGE, alpha=0.25, linewidth=0)
        ax.text(begins / 1_000, 1.0, " drift", color=INK, fontsize=8, va="top", transform=ax.get_xaxis_transform())
    for offset in table.attrs["alarms"]:
        words, colour, style = ("false alarm", RED, ":") if offset < begins else ("alarm", GREEN, "-")
        ax.axvline(offset / 1_000, color=colour, linestyle=style, linewidth=1.6, label=words)
    by_words = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))  # one of each
    if by_words:
        ax.legend(by_words.values(), by_words, fontsize=8, frameon=False, loc="upper left")
    ax.set(
        xlabel="events (thousands)",
        ylabel="surprise (0 to 1, mean of 500 values)",
        xlim=(0, table.attrs["events"] / 1_000),
    )
    kind = table.attrs["kind"]
    if trade["delay"].notna().any():
        settings.plot(trade["false"], trade["delay"], color=GREY, linewidth=1, zorder=1)
        settings.scatter(
            trade["false"], trade["delay"], color=[INK if now else GREY for now in trade["now"]], s=36, zorder=2
        )
        for row in rows_of(trade.dropna(subset="delay")):
            at = (row.false, row.delay)
            settings.annotate(str(row.calm), at, xytext=(5, 5), textcoords="offset points", fontsize=9, color=INK)
        settings.set_ylim(0, 1.15 * trade["delay"].max())
        settings.set_ylabel(f"events until it is found ({kind}, median)")
    else:
        settings.text(0.5, 0.5, "nothing to be found", ha="center", color=GREY, transform=settings.transAxes)
        settings.set_yticks([])
    settings.set_xlabel("false alarms in 100,000 calm events")
    settings.set_xlim(-0.05 * max(1.0, trade["false"].max()), 1.1 * max(1.0, trade["false"].max()))
    settings.set_title("settings 1 loud to 5 calm; black: this one", fontsize=9, color=INK, loc="left")
    return figure


def drift_lab_finding(table: pd.DataFrame) -> str:
    """What the detector did in this world."""
    kind, begins = table.attrs["kind"], table.attrs["begins"]
    false = sum(offset < begins for offset in table.attrs["alarms"])
    found = [offset - begins for offset in table.attrs["alarms"] if offset >= begins]
    wrong = "no false alarm" if not false else f"{false} false alarm{'s' if false > 1 else ''}"
    if kind == "none":
        return f"{_WORLD[kind]}: {wrong} in {table.attrs['events']:,} events"
    heard = f"heard of after {found[0]:,} events" if found else "not heard of"
    return f"{_WORLD[kind]}: {heard}, {wrong}"


def drift_lab_sentence(table: pd.DataFrame, trade: pd.DataFrame) -> str:
    """The finding, and what the setting costs on the whole."""
    row = next(rows_of(trade[trade["now"]]))
    delay = "" if np.isnan(row.delay) else f", and finds this kind after {row.delay:,.0f} events (median)"
    missed = f"; it misses {row.missed} of {row.runs}" if row.missed and table.attrs["kind"] != "none" else ""
    return (
        f"{drift_lab_finding(table)}. Over {row.runs} worlds this setting rings {row.false:.1f} times for nothing in "
        f"100,000 events{delay}{missed}."
    )


def detection(table: pd.DataFrame) -> Picture:
    """Delay of every run, by kind of drift and detector; right: false alarms. table: of `experiments.detection`."""
    names = list(table["detector"].unique())
    first = table[table["detector"] == names[0]]
    abrupt = first.loc[first["kind"] == "abrupt", "delay"]
    figure, axes = picture(
        f"{names[0]}: abrupt drift found in {abrupt.notna().sum()} of {len(abrupt)} runs, "
        f"median delay {abrupt.median():,.0f} events (black: medians)",
        columns=3,
    )
    for ax, kind, words in zip(axes[:2], ("abrupt", "gradual"), ("abrupt drift", "gradual drift"), strict=True):
        for place, name in enumerate(names):
            delays = table.loc[(table["kind"] == kind) & (table["detector"] == name), "delay"]
            ax.scatter(delays, np.full(len(delays), place), color=BLUE, s=18, alpha=0.6)
            ax.plot([delays.median()] * 2, [place - 0.3, place + 0.3], color=INK, linewidth=2)
        ax.set(xlabel=f"{words}: events until found", xlim=(0, None))
    calm = table[table["kind"] == "none"].groupby("detector", sort=False)[["false_alarms", "events"]].sum()
    rate = 100_000 * calm["false_alarms"] / calm["events"]
    axes[2].barh(range(len(names)), rate[names], color=RED, height=0.5)
    for place, value in enumerate(rate[names]):
        axes[2].text(value, place, f" {value:.2f}", va="center", fontsize=9, color=INK)
    axes[2].axvline(1.0, color=GREY, linestyle="--", linewidth=1)
    axes[2].set(xlabel="false alarms in 100,000 events", xlim=(0, 1.25 * max(1.0, rate.max())))
    for number, ax in enumerate(axes):
        ax.set_yticks(range(len(names)), names if number == 0 else [""] * len(names))
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.grid(axis="x", color=FAINT, linewidth=0.6)
        ax.grid(axis="y", visible=False)
    return figure


_POLICY = {
    "do nothing": (GREY, "-"),
    "start anew": (GREEN, "-"),
    "forget faster": (ORANGE, "-"),
    "always forget": (BLUE, "-"),
    "ItemNeighbours, do nothing": (GREY, "--"),
    "ItemNeighbours, start anew": (GREEN, "--"),
}


def reactions(table: pd.DataFrame, rates: pd.DataFrame) -> Picture:
    """Hit rate over time by policy; left the recommender whose tastes drift, right ItemNeighbours.

    table, rates: of `experiments.reactions` and `reaction_summary`.
    """
    after = {name: f"{rate:.3f}" for name, rate in rates["after"].items()}
    tastes = f"{after['start anew']} instead of {after['do nothing']}"
    neighbours = f"{after['ItemNeighbours, start anew']} instead of {after['ItemNeighbours, do nothing']}"
    figure, axes = picture(
        f"Starting anew helps the model of tastes (hit rate {tastes}) and harms ItemNeighbours ({neighbours})",
        columns=2,
    )
    counts = table.groupby(["policy", "since"])[["hits", "questions"]].sum()
    rate = (counts["hits"] / counts["questions"]).unstack("policy")
    alarm = table["alarm"].median()
    for ax, theirs in ((axes[0], False), (axes[1], True)):
        for name, (colour, style) in _POLICY.items():
            if name in rate and name.startswith("ItemNeighbours") == theirs:
                line = rate[name].rolling(2, min_periods=1).mean()
                ax.plot(line.index / 1_000, line, color=colour, linestyle=style, linewidth=2, label=name)
        ax.axvline(0, color=INK, linewidth=1)
        ax.axvline(alarm / 1_000, color=RED, linewidth=1, linestyle=":")
        for words, side, colour in (("drift ", "right", INK), (" alarm", "left", RED)):
            ax.text(0, 1.0, words, ha=side, va="top", fontsize=8, color=colour, transform=ax.get_xaxis_transform())
        ax.set(xlabel="thousand events since the drift (means of 4)", ylabel="hit rate @ 10", ylim=(0, None))
        ax.legend(fontsize=8, frameon=False, loc="lower left")
    return figure


def season(table: pd.DataFrame, *, category: str = "Christmas") -> Picture:
    """Above: the category's share of what is bought and shown; below: how far each week is from the ordinary months.

    table: of `experiments.weeks`.
    """
    autumn = table[table["week"] >= "2011-07-01"]
    begins = autumn.loc[autumn["input_drift"] > 2 * autumn["chance"], "week"].min()
    early = table[table["week"].between("2011-09-01", "2011-10-23")]
    finding = (
        f"{category} begins in the week of {begins:%-d %B}: from then to the end of October it is "
        f"{percent(early['bought_share'].mean())} of what is bought, and {percent(early['shown_share'].mean())} "
        "of what is shown"
    )
    figure, (share, distance) = picture(finding, rows=2, height=5.0)
    days = pd.to_datetime(["2011-03-01", "2011-09-01"])
    ordinary: list[float] = date2num(days).tolist()  # type: ignore[no-untyped-call]
    for ax, columns in (
        (share, (("bought_share", "bought", RED), ("shown_share", "shown", BLUE))),
        (distance, (("input_drift", "bought", RED), ("shown_drift", "shown", BLUE))),
    ):
        scale = 100 if ax is share else 1
        for column, words, colour in columns:
            ax.plot(table["week"], scale * table[column], color=colour, linewidth=2, label=words)
        ax.axvspan(*ordinary, color=FAINT, alpha=0.6, linewidth=0)
    distance.plot(table["week"], table["chance"], color=GREY, linewidth=1, label="two halves of the same week, bought")
    share.set(ylabel=f"share of {category} (%)", ylim=(0, None))
    distance.set(
        ylabel="Jensen-Shannon distance", xlabel="week (grey: the ordinary months it is compared with)", ylim=(0, None)
    )
    for ax in (share, distance):
        ax.legend(fontsize=8, frameon=False, loc="upper center", ncols=3)
    return figure
