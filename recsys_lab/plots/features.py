"""Features and the model on them: what a window sees, what a leak and a skew do to a score, how a model answers."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import (
    BLUE,
    COLOURS,
    FAINT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    RED,
    SKY,
    Picture,
    picture,
    plain_numbers,
)

_LOOKS: dict[str, dict[str, Any]] = {
    "no longer in the window": {"facecolor": "#C9C9C9", "edgecolor": "#C9C9C9"},
    "seen": {"facecolor": COLOURS["honest"], "edgecolor": COLOURS["honest"]},
    "seen too early": {"facecolor": COLOURS["leaked"], "edgecolor": COLOURS["leaked"]},
    "not yet": {"facecolor": "white", "edgecolor": GREY},
}
QUIET = 0.05
"""A log loss that is worse by less than this does not stand out among the ups and downs of a day."""

COIN_LOG_LOSS = 0.693

_SIDES = (pd.Timedelta(hours=10), pd.Timedelta(hours=14))


def as_of_sentence(table: pd.DataFrame) -> str:
    """What `experiments.as_of` shows, in words."""
    counts = table["fate"].value_counts()
    first = table.iloc[0]
    seen = counts.get("seen", 0)
    sentence = f"Asked {_moment(first['at'])}: the window holds {seen} {_events(seen)} that had happened"
    early = counts.get("seen too early", 0)
    if not early:
        return sentence
    answer = "; one of them is the answer" if (table["answer"] & (table["fate"] == "seen too early")).any() else ""
    return f"{sentence}, and {early} that had not{answer}"


def as_of(table: pd.DataFrame) -> Picture:
    """The customer's events by category, the moment asked, and the window. table: of `experiments.as_of`."""
    figure, (ax,) = picture(as_of_sentence(table), height=3.9)
    first = table.iloc[0]
    lanes = list(table["category"].unique())
    heights = _stacked(table, lanes)
    if first["begins"] < first["at"]:
        ax.axvspan(first["begins"], first["at"], color=SKY, alpha=0.25, linewidth=0, zorder=0)
    if first["read_at"] > first["at"]:
        ax.axvspan(
            max(first["at"], first["begins"]), first["read_at"], facecolor=RED, alpha=0.12, linewidth=0, zorder=0
        )
        ax.axvline(first["read_at"], color=RED, linewidth=1.5, linestyle="--")
        ax.text(first["read_at"], -0.62, "read", ha="center", va="bottom", fontsize=8.5, color=RED)
    ax.axvline(first["at"], color=INK, linewidth=1.5)
    ax.text(first["at"], -0.62, "asked", ha="center", va="bottom", fontsize=8.5, color=INK)
    for row, height in zip(rows_of(table), heights, strict=True):
        marker, size = ("*", 170) if row.answer else ("o", 52)
        ax.scatter([row.timestamp], [height], marker=marker, s=size, linewidth=1.2, zorder=3, **_LOOKS[str(row.fate)])
    _name_the_answer(ax, table, heights)
    ax.set_yticks(range(len(lanes)), lanes)
    ax.set_ylim(len(lanes) - 0.4, -0.6)
    ax.set_xlim(table["timestamp"].min() - _SIDES[0], table["timestamp"].max() + _SIDES[1])
    midnights = pd.date_range(table["timestamp"].min().ceil("D"), table["timestamp"].max().ceil("D"))
    ax.set_xticks(midnights, [f"{midnight:%a %H:%M}" for midnight in midnights])
    ax.set_xlabel("time (UTC)", fontsize=9)
    for fate, look in _LOOKS.items():
        ax.scatter([], [], s=40, label=fate, **look)
    ax.scatter([], [], s=110, marker="*", facecolor="white", edgecolor=GREY, label="the item asked about")
    figure.legend(loc="outside lower left", fontsize=8, frameon=False, ncols=5, handletextpad=0.2)
    return figure


def leak(table: pd.DataFrame) -> Picture:
    """The score offline and the score live, by when features were read. table: of `experiments.leak`."""
    honest, leaky = table.iloc[0], table.iloc[(table["offline_auc"] - table["live_auc"]).argmax()]
    finding = (
        f"The leak promises {leaky['offline_auc']:.2f} and earns {leaky['live_auc']:.2f}; "
        f"the honest table keeps its {honest['offline_auc']:.2f}"
    )
    figure, (ax,) = picture(finding, height=2.9)
    for place, row in enumerate(rows_of(table)):
        ax.plot([row.live_auc, row.offline_auc], [place, place], color=FAINT, linewidth=3, zorder=1)
        ax.scatter(
            [row.offline_auc],
            [place],
            s=90,
            color=COLOURS["leaked"] if place else COLOURS["honest"],
            marker="D",
            zorder=2,
        )
        ax.scatter([row.live_auc], [place], s=110, color=INK, zorder=3 if place else 1.5, marker="o")
        told = f"{row.live_auc:.2f}"
        both = told == f"{row.offline_auc:.2f}"
        live = f"{told} offline and live" if both else f"{told} live"
        ax.text(row.live_auc, place - 0.2, live, ha="center", va="bottom", fontsize=9, color=INK)
        if not both:
            ax.text(
                row.offline_auc,
                place - 0.2,
                f"{row.offline_auc:.2f} offline",
                ha="center",
                va="bottom",
                fontsize=9,
                color=RED,
            )
    ax.axvline(0.5, color=GREY, linewidth=1, linestyle=":")
    ax.text(0.5, len(table) - 0.5, " a coin", va="bottom", fontsize=8.5, color=GREY)
    ax.set_yticks(range(len(table)), [f"as of {name}" for name in table["features_as_of"]])
    ax.set(
        xlabel="area under the ROC curve (0.5: a coin, 1: perfect)", xlim=(0.44, 1.06), ylim=(len(table) - 0.5, -0.75)
    )
    ax.grid(visible=False)
    return figure


def skew(table: pd.DataFrame) -> Picture:
    """Left: the score; right: how many served vectors equal the training table's. table: of `experiments.skew`."""
    honest, skewed = table.iloc[0], table.iloc[1:]
    quiet = int((skewed["log_loss"] < honest["log_loss"] + QUIET).sum())
    found = int((skewed["equal_vectors"] < 1).sum())
    finding = (
        f"{quiet} of {len(skewed)} skews hardly show in the score; comparing the vectors finds {found} of {len(skewed)}"
    )
    figure, (score, equal) = picture(finding, columns=2, height=2.9)
    colours = [COLOURS["honest"], *[ORANGE] * len(skewed)]
    panels = ((score, table["log_loss"], "{:.2f}"), (equal, 100 * table["equal_vectors"], "{:.0f}"))
    for ax, values, form in panels:
        ax.barh(range(len(table)), values, color=colours, height=0.6)
        for place, value in enumerate(values):
            ax.annotate(
                form.format(value),
                (value, place),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
                color=INK,
                bbox={"facecolor": "white", "linewidth": 0, "pad": 1},  # the dotted line must not strike it through
            )
        ax.set(ylim=(len(table) - 0.5, -0.5), xlim=(0, 1.17 * values.max()))
        ax.set_yticks([])
        ax.grid(visible=False)
    score.axvline(COIN_LOG_LOSS, color=GREY, linewidth=1, linestyle=":", zorder=0)
    score.set_yticks(range(len(table)), table["online_store"])
    score.set_xlabel("log loss (lower is better; dotted: a coin)")
    equal.set_xlabel("vectors equal to the training table's (%)")
    return figure


def inference_latency(table: pd.DataFrame) -> Picture:
    """The time of an answer by the number of features. table: of `experiments.inference_latency`.

    The finding holds no measured number but a bound: it must be the same on every run.
    """
    wide = table.pivot(index="features", columns="step", values="p50_ms")
    quick = wide.sum(axis="columns").max() < 1
    finding = "Half of the answers take less than a millisecond, reading the features included"
    figure, (ax,) = picture(finding if quick else "This machine is slow today: answers take milliseconds", height=2.9)
    for shift, step, colour in ((-0.1, "reading features", BLUE), (0.1, "prediction", GREEN)):
        rows = table[table["step"] == step]
        places = [place + shift for place in range(len(rows))]
        ax.vlines(places, rows["p50_ms"], rows["p99_ms"], color=colour, linewidth=2)
        ax.plot(places, rows["p50_ms"], "o", color=colour, markersize=8, label=f"{step}, median")
        ax.plot(places, rows["p99_ms"], "_", color=colour, markersize=12, markeredgewidth=2)
    ax.set_yscale("log")
    plain_numbers(ax.yaxis)
    ax.set_xticks(range(len(wide)), [f"{count} feature{'s' * (count > 1)}" for count in wide.index])
    ax.set(ylabel="time (ms, measured here)", xlim=(-0.5, len(wide) - 0.5))
    figure.legend(
        loc="outside lower left",
        fontsize=8.5,
        frameon=False,
        ncols=2,
        title="a line ends where 99 % of the answers were there",
        title_fontsize=8.5,
        alignment="left",
    )
    return figure


def hot_swap(table: pd.DataFrame) -> Picture:
    """Every answer in its order of time, and the version that gave it. table: of `experiments.hot_swap`."""
    versions = table["version"].nunique()
    unanswered = int(table["probability"].isna().sum())
    swaps = f"{versions - 1} swap{'s' * (versions != 2)} under {len(table)} requests"
    finding = f"{swaps}: {unanswered or 'none'} lost, each answered by one version"
    figure, (ax,) = picture(finding, height=3.0)
    by_version = zip(table.groupby("version"), (GREY, BLUE, GREEN, ORANGE), strict=False)
    for place, ((version, rows), colour) in enumerate(by_version):
        ax.scatter(rows["answered"], rows["probability"], s=9, color=colour, linewidth=0)
        began = rows["answered"].min()
        late = began > 0.75 * len(table)  # no room to the right
        ax.text(
            len(table) if late else began,
            1.06 + 0.1 * place,
            f" version {version}: {len(rows)} answers",
            ha="right" if late else "left",
            fontsize=9,
            color=colour,
        )
        if began:
            ax.axvline(began - 0.5, color=INK, linewidth=1.2)
    ax.set(
        xlabel="answers, in the order in which they came",
        ylabel="answer: probability",
        ylim=(-0.03, 1.08 + 0.1 * versions),
        yticks=(0, 0.5, 1),
    )
    ax.margins(x=0.01)
    return figure


def _stacked(table: pd.DataFrame, lanes: list[str]) -> list[float]:
    """Where each event stands: on its category's lane, those of one moment above each other."""
    order = table.groupby(["category", "timestamp"]).cumcount()
    size = table.groupby(["category", "timestamp"])["item_id"].transform("size")
    offset = (order - (size - 1) / 2) * 0.2
    return [lanes.index(lane) + shift for lane, shift in zip(table["category"], offset, strict=True)]


def _name_the_answer(ax: Axes, table: pd.DataFrame, heights: list[float]) -> None:
    for row, height in zip(rows_of(table), heights, strict=True):
        if row.answer:
            ax.annotate(
                str(row.name),
                (row.timestamp, height),
                (9, 7),
                textcoords="offset points",
                fontsize=8.5,
                color=INK,
                bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1},
            )


def _moment(time: pd.Timestamp) -> str:
    return f"{time:%a %H:%M}"


def _events(number: int) -> str:
    return "event" if number == 1 else "events"
