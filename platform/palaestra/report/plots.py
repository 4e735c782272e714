"""Learning curves as inline SVG whose colours are the page's own, so that one picture serves light and dark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from palaestra.report.arms import ALONE, TAUGHT, ArmResult
from palaestra.report.text import steps as steps_text
from palaestra.results import Curve, Measure, curve
from palaestra.statistics import Interval, bootstrap_band, mean

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
COLORS = 8
"""How many `--arm-k` the page's style has."""
THRESHOLDS = (0.8, 0.95)

_INK, _LINE, _MUTED = "#010101", "#020202", "#030303"
_VARIABLES = {_INK: "var(--ink)", _LINE: "var(--line)", _MUTED: "var(--muted)"} | {
    f"#0a0a{k:02x}": f"var(--arm-{k})" for k in range(COLORS)
}
_SIZE = (5.6, 3.5)
"""In inches; the page stretches it to its column."""

_LEGEND_WIDTH = 1.4
"""In inches, beside the curves: within, it would cover some."""


@dataclass(frozen=True)
class Style:
    """How an arm is drawn: a colour of the page and a marker, so that it can be told without colour."""

    color: int
    marker: str

    @property
    def placeholder(self) -> str:
        return f"#0a0a{self.color:02x}"


def style_of(index: int) -> Style:
    """The style of the arm at this place in the spec; no two of the first 64 are alike."""
    return Style(index % COLORS, MARKERS[(index + index // COLORS) % len(MARKERS)])


def learning_curves(arms: Sequence[ArmResult], measure: Measure, title: str, legend: bool = False) -> str:
    """Curves of all arms over environment steps; "" where nothing was measured.

    Solid: the agent alone, mean over seeds with a bootstrapped band, each seed a thin line. Dashed: with its lessons
    shown. `legend`: the arms' names stand in the picture, and its title over it.
    """
    drawn = [(style_of(k), arm, curve(arm.trials, ALONE, measure)) for k, arm in enumerate(arms)]
    if not any(found for _, _, found in drawn):
        return ""
    figure, axes = _axes()
    for style, arm, found in drawn:
        if found is not None:
            _draw_alone(axes, style, found, arm.name)
        if (taught := curve(arm.trials, TAUGHT, measure)) is not None:
            axes.plot(
                taught.steps, mean(taught.values.T), color=style.placeholder, linestyle=(0, (4, 2)), linewidth=1.4
            )
    if measure == "success":
        for threshold in THRESHOLDS:
            axes.axhline(threshold, color=_MUTED, linewidth=0.8, linestyle=":", zorder=1)
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(lambda value, _: steps_text(value))
    axes.set_xlabel("environment steps", color=_MUTED)
    if legend:
        axes.set_title(title, color=_INK, fontsize=10, loc="left")
        figure.set_figwidth(_SIZE[0] + _LEGEND_WIDTH)
        figure.legend(loc="outside right upper", frameon=False, labelcolor=_INK, fontsize=9)
    return _to_svg(figure, title)


def metric_curves(arms: Sequence[ArmResult], found: Sequence[Curve | None], title: str) -> str:
    """Curves of a positive metric of all arms over environment steps, on a logarithmic axis; "" where there is none.

    Args:
        arms: of the spec, in its order.
        found: of each what was measured.
        title: read out in place of the picture.
    """
    if not any(found):
        return ""
    figure, axes = _axes()
    for k, (arm, curve_of_arm) in enumerate(zip(arms, found, strict=True)):
        if curve_of_arm is not None:
            _draw_alone(axes, style_of(k), curve_of_arm, arm.name)
    axes.set_yscale("log")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(lambda value, _: steps_text(value))
    axes.set_xlabel("environment steps", color=_MUTED)
    return _to_svg(figure, title)


def intervals_picture(
    rows: Sequence[tuple[str, Interval, Sequence[float] | NDArray[np.float64]]], title: str, share: bool
) -> str:
    """A value with its interval for each name, one under the other; "" where there is none.

    Args:
        rows: name, value and the seeds' own values, from the top.
        title: read out in place of the picture.
        share: whether values are shares, shown in percent.
    """
    if not rows:
        return ""
    figure, axes = _axes((7.0, 0.8 + 0.32 * len(rows)))
    axes.grid(axis="x", color=_LINE, linewidth=0.8)
    axes.grid(axis="y", visible=False)
    style = style_of(0)
    for k, (_, interval, values) in enumerate(rows):
        axes.plot(values, [k] * len(values), "|", color=_MUTED, markersize=7, zorder=2)
        axes.plot([interval.low, interval.high], [k, k], color=style.placeholder, linewidth=2, zorder=3)
        axes.plot([interval.value], [k], "o", color=style.placeholder, markersize=6, zorder=4)
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.invert_yaxis()
    if share:
        axes.set_xlim(-0.02, 1.02)
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    return _to_svg(figure, title)


def _axes(size: tuple[float, float] = _SIZE) -> tuple[Any, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    figure.patch.set_visible(False)
    axes = figure.add_subplot()
    axes.patch.set_visible(False)
    axes.grid(axis="y", color=_LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_MUTED, length=0, labelsize=10)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(_MUTED)
    axes.locator_params(axis="x", nbins=6)
    return figure, axes


def _draw_alone(axes: Axes, style: Style, found: Curve, name: str) -> None:
    color = style.placeholder
    if len(found.lines) > 1:
        for steps, values in found.lines:
            axes.plot(steps, values, color=color, linewidth=0.7, alpha=0.4, zorder=2)
    if len(found.values) > 1:
        low, high = bootstrap_band(found.values)
        axes.fill_between(found.steps, low, high, color=color, alpha=0.13, linewidth=0, zorder=2)
    axes.plot(
        found.steps,
        mean(found.values.T),
        color=color,
        linewidth=2,
        marker=style.marker,
        markersize=5.5,
        markevery=max(len(found.steps) // 8, 1),
        zorder=3,
        label=name,
    )


def legend_key(style: Style) -> str:
    """The line and marker of an arm as a small inline SVG."""
    from matplotlib.markers import MarkerStyle
    from matplotlib.path import Path

    marker = MarkerStyle(style.marker)
    path = marker.get_path().transformed(marker.get_transform())
    letters = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}
    commands = [
        letters[code] + ("" if code == Path.CLOSEPOLY else " ".join(f"{number:.3f}" for number in points))
        for points, code in path.iter_segments()
    ]
    return (
        '<svg class="key" viewBox="-14 -7 28 14" aria-hidden="true">'
        f'<g style="stroke: var(--arm-{style.color}); fill: var(--arm-{style.color}); stroke-width: 2">'
        f'<path d="M-14 0H14"/><path transform="scale(9 -9)" style="stroke: none" d="{"".join(commands)}"/></g></svg>'
    )


def _to_svg(figure: Any, title: str) -> str:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    out = StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": title}):
        FigureCanvasSVG(figure).print_svg(out, metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r"font-family: [^;]*; ", "", svg)
    svg = re.sub(
        r'<svg[^>]*viewBox="([^"]*)"[^>]*>', rf'<svg class="plot" role="img" aria-label="{title}" viewBox="\1">', svg
    )
    return re.sub(r"#0[0-9a]0[0-9a]0[0-9a]", lambda found: _VARIABLES.get(found[0], found[0]), svg)
