"""Charts as SVG: lines with bands, points to hover over, and bars. Legends stand outside of the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

__all__ = ["Axis", "Chart", "bars"]

_WIDTH, _HEIGHT = 720, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 14, 52
_COLOURS = 6
_DECADES = 2.0
"""Axes of positive values that reach over more decades than this are logarithmic where they may be."""


@dataclass(frozen=True)
class Axis:
    """An axis of a chart.

    Attributes:
        label: What it shows, with the unit.
        low: Smallest value.
        high: Largest value.
        log: Whether it is logarithmic.
        marks: Values and texts to mark, in place of round numbers.
        integer: Whether only whole numbers are marked.
    """

    label: str
    low: float
    high: float
    log: bool = False
    marks: tuple[tuple[float, str], ...] = ()
    integer: bool = False

    @classmethod
    def over(
        cls,
        label: str,
        values: Sequence[float],
        *,
        log: bool | None = False,
        least: float = -math.inf,
        most: float = math.inf,
        marks: Sequence[tuple[float, str]] = (),
        integer: bool = False,
    ) -> Axis:
        """Return an axis that holds values, with a margin.

        Args:
            label: What it shows, with the unit.
            values: Values; those that are not finite do not count.
            log: Whether it is logarithmic; None: if the values are positive and reach over several decades.
            least: Smallest possible value, such as 0 for an accuracy.
            most: Largest possible value.
            marks: Values and texts to mark.
            integer: Whether only whole numbers are marked.

        Example:
            >>> axis = Axis.over("accuracy (%)", [88.0, 99.9], most=100.0)
            >>> round(axis.low, 2), axis.high
            (87.29, 100.0)
        """
        known = [float(value) for value in values if math.isfinite(value)] or [0.0, 1.0]
        low, high = min(known), max(known)
        if log is None:
            log = low > 0.0 and math.log10(high / low) > _DECADES
        if log:
            margin = (high / low) ** 0.03 if high > low else 1.5
            return cls(label, low / margin, high * margin, True, tuple(marks), integer)
        margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
        low, high = max(low - margin, least), min(high + margin, most)
        return cls(label, low, high, False, tuple(marks), integer)

    def share(self, value: float) -> float:
        """Return the place of a value, 0 at the beginning of the axis and 1 at its end."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Values to mark, with their texts."""
        if self.marks:
            return [mark for mark in self.marks if self.low <= mark[0] <= self.high]
        from matplotlib.ticker import LogLocator, MaxNLocator

        locator = (
            LogLocator(subs=(1.0, 2.0, 5.0))
            if self.log
            else MaxNLocator(nbins=6, integer=self.integer)
        )
        values = [
            float(value)
            for value in locator.tick_values(self.low, self.high)
            if self.low <= value <= self.high
        ]
        if self.log and len(values) > 9:
            values = [value for value in values if math.log10(value) % 1 < 1e-9] or values[::3]
        return [(value, _tick_text(value)) for value in values]


def _tick_text(value: float) -> str:
    for size, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * size or (abs(value) >= size and name != "k"):
            return f"{value / size:.4g} {name}"
    return f"{value:.4g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.0e}"


@dataclass
class Chart:
    """A chart that is filled part by part.

    Args:
        finding: What the chart shows, in one sentence; also its alternative text.
        x: Horizontal axis.
        y: Vertical axis.

    Example:
        >>> chart = Chart("It falls.", Axis.over("day", [0, 3]), Axis.over("accuracy (%)", [80, 90]))
        >>> chart.line([0, 1, 3], [90, 85, 80], "network 1", colour=0, tips=["a", "b", "c"])
        >>> chart.html().count("<circle")
        3
    """

    finding: str
    x: Axis
    y: Axis
    _parts: list[str] = field(default_factory=list, init=False)
    _labels: list[tuple[str, int]] = field(default_factory=list, init=False)
    _interactive: bool = field(default=False, init=False)

    def line(
        self,
        x: Sequence[float],
        y: Sequence[float],
        label: str,
        *,
        colour: int,
        band: tuple[Sequence[float], Sequence[float]] | None = None,
        tips: Sequence[str] | None = None,
        kind: str = "",
    ) -> None:
        """Draw a line; where a value is NaN it is broken.

        Args:
            x: Positions.
            y: Values.
            label: Its name in the legend; empty: none.
            colour: Number of its colour.
            band: Lower and upper ends of a band around it.
            tips: Texts of its points, shown on hover; None: no points.
            kind: ``"thin"`` or ``"dashed"``.
        """
        if band is not None:
            low, high = ([min(max(v, self.y.low), self.y.high) for v in side] for side in band)
            ends = [*zip(x, high, strict=True), *reversed([*zip(x, low, strict=True)])]
            self._parts.append(f"<polygon class='band s{colour}' points='{self._points(ends)}'/>")
        piece: list[tuple[float, float]] = []
        for at, value in [*zip(x, y, strict=True), (math.nan, math.nan)]:
            if math.isfinite(value):
                piece.append((at, value))
            elif piece:
                points = self._points(piece)
                self._parts.append(f"<polyline class='path {kind} s{colour}' points='{points}'/>")
                piece = []
        if tips is not None:
            self.dots(x, y, "", colour=colour, tips=tips)
        self._label(label, colour)

    def level(self, y: float, label: str, *, colour: int = _COLOURS) -> None:
        """Draw a dashed horizontal line."""
        self.line([self.x.low, self.x.high], [y, y], label, colour=colour, kind="dashed")

    def dots(
        self,
        x: Sequence[float],
        y: Sequence[float],
        label: str,
        *,
        colour: int,
        tips: Sequence[str],
        radius: float = 4.5,
        faint: bool = False,
    ) -> None:
        """Draw points that show a text on hover and keep it on a click.

        Args:
            x: Positions.
            y: Values.
            label: Their name in the legend; empty: none.
            colour: Number of their colour.
            tips: Text of each.
            radius: Radius, px.
            faint: Whether they are in the background.
        """
        self._interactive = True
        weak = " faint" if faint else ""
        for at, value, tip in zip(x, y, tips, strict=True):
            if math.isfinite(at) and math.isfinite(value):
                across, down = self._place(at, value)
                self._parts.append(
                    f"<circle class='dot{weak} s{colour}' cx='{across:.1f}' cy='{down:.1f}' r='{radius:g}' "
                    f"data-tip='{escape(tip, quote=True)}'/>"
                )
        self._label(label, colour)

    def html(self) -> str:
        """The chart with its legend and its finding."""
        keys = "tabindex='0' " if self._interactive else ""
        hint = " Hover over a point or use the arrow keys; click or press Enter to keep it."
        alt = escape(self.finding + (hint if self._interactive else ""), quote=True)
        svg = (
            f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' {keys}aria-label='{alt}'>\n"
            + "\n".join([*self._axes(), *self._parts])
            + "\n</svg>"
        )
        legend = "".join(
            f"<li class='s{colour}'>{escape(label)}</li>" for label, colour in self._labels
        )
        shown = f"<ul class='legend'>{legend}</ul>" if len(self._labels) > 1 else ""
        extra = (
            "<div class='tip' role='status' hidden></div><ul class='pins'></ul>"
            if self._interactive
            else ""
        )
        kind = " class='interactive'" if self._interactive else ""
        return (
            f"<figure{kind}>{shown}<div class='chart'>{svg}</div>{extra}"
            f"<figcaption>{escape(self.finding)}</figcaption></figure>"
        )

    def _label(self, label: str, colour: int) -> None:
        if label and (label, colour) not in self._labels:
            self._labels.append((label, colour))

    def _place(self, x: float, y: float) -> tuple[float, float]:
        across = _LEFT + self.x.share(x) * (_WIDTH - _LEFT - _RIGHT)
        down = _HEIGHT - _BOTTOM - self.y.share(y) * (_HEIGHT - _TOP - _BOTTOM)
        return across, down

    def _points(self, points: Sequence[tuple[float, float]]) -> str:
        return " ".join("{:.1f},{:.1f}".format(*self._place(*point)) for point in points)

    def _axes(self) -> list[str]:
        bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        parts = []
        for value, text in self.y.ticks():
            _, down = self._place(self.x.low, value)
            parts.append(
                f"<line class='grid' x1='{_LEFT}' x2='{right}' y1='{down:.1f}' y2='{down:.1f}'/>"
            )
            parts.append(
                f"<text x='{_LEFT - 8}' y='{down + 4:.1f}' text-anchor='end'>{escape(text)}</text>"
            )
        for value, text in self.x.ticks():
            across, _ = self._place(value, self.y.low)
            parts.append(
                f"<line class='axis' x1='{across:.1f}' x2='{across:.1f}' y1='{bottom}' y2='{bottom + 5}'/>"
            )
            parts.append(
                f"<text x='{across:.1f}' y='{bottom + 20}' text-anchor='middle'>{escape(text)}</text>"
            )
        middle_x, middle_y = (_LEFT + right) / 2, (_TOP + bottom) / 2
        return [
            *parts,
            f"<path class='axis' d='M{_LEFT} {_TOP}V{bottom}H{right}'/>",
            f"<text x='{middle_x}' y='{_HEIGHT - 8}' text-anchor='middle'>{escape(self.x.label)}</text>",
            f"<text transform='translate(15 {middle_y}) rotate(-90)' text-anchor='middle'>"
            f"{escape(self.y.label)}</text>",
        ]


def bars(
    finding: str, rows: Sequence[tuple[str, Sequence[float]]], parts: Sequence[str], unit: str
) -> str:
    """Return horizontal bars of stacked parts.

    Args:
        finding: What the chart shows, in one sentence; also its alternative text.
        rows: Name of each bar and its parts.
        parts: Names of the parts.
        unit: Unit of the values.

    Example:
        >>> bars("Two parts.", [("network", [3.0, 1.0])], ["crossbars", "digital"], "uJ").count("<rect")
        2
    """
    most = max((math.fsum(values) for _, values in rows), default=0.0) or 1.0
    left, height = 190, 30
    scale = (_WIDTH - left - 110) / most
    drawn = []
    for place, (name, values) in enumerate(rows):
        top, at = 6 + place * height, float(left)
        shown = name if len(name) <= 24 else name[:23] + "…"
        drawn.append(
            f"<text x='{left - 8}' y='{top + 16}' text-anchor='end'>{escape(shown)}</text>"
        )
        for colour, value in enumerate(values):
            width = value * scale
            drawn.append(
                f"<rect class='bar s{colour % _COLOURS}' x='{at:.1f}' y='{top}' width='{width:.2f}' "
                f"height='{height - 9}'/>"
            )
            at += width
        drawn.append(
            f"<text x='{at + 6:.1f}' y='{top + 16}'>{math.fsum(values):.4g} {escape(unit)}</text>"
        )
    legend = "".join(
        f"<li class='s{colour % _COLOURS}'>{escape(part)}</li>" for colour, part in enumerate(parts)
    )
    shown = f"<ul class='legend'>{legend}</ul>" if len(parts) > 1 else ""
    return (
        f"<figure>{shown}<div class='chart'><svg viewBox='0 0 {_WIDTH} {12 + len(rows) * height}' role='img' "
        f"aria-label='{escape(finding, quote=True)}'>{''.join(drawn)}</svg></div>"
        f"<figcaption>{escape(finding)}</figcaption></figure>"
    )
