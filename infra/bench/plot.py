"""A stage as a picture: bars on a logarithmic scale, and curves of rate against load. Plain SVG, the same
bytes for the same numbers, readable on light and on dark pages."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from itertools import cycle
from typing import Any

WIDTH, LEFT, RIGHT, ROW, HEAD = 760, 230, 110, 24, 34
CURVES = 260
"""Height of the part with the curves."""
COLOURS = ("#d9480f", "#1c7ed6", "#2f9e44", "#9c36b5", "#e67700", "#0c8599", "#868e96")
"""Each with enough contrast on white and on near black; the first is ours."""
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.axis{stroke:#8c959f}.grid{stroke:#8c959f;opacity:.3}"
    ".quiet{font-size:11px;fill:#57606a}.ours{fill:#d9480f}.peer{fill:#1c7ed6}.floor{fill:#868e96}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9da7b3}}"
)
Points = Mapping[str, Sequence[Sequence[float]]]


def number(value: float) -> str:
    """As people read it."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def svg(document: Mapping[str, Any]) -> str:
    """The picture of a stage's document."""
    rates = {name: float(one["rate"]) for name, one in document["figures"].items()}
    bars = sorted(rates.items(), key=lambda item: -item[1])
    classes = dict.fromkeys(document["peers"], "peer") | dict.fromkeys(document["floor"], "floor")
    height = HEAD + ROW * len(bars) + 30
    parts = _bars(bars, classes, f"{document['stage']}: {document['unit']}, logarithmic")
    if document.get("series"):
        parts += _curves(document["series"], document["axes"], height)
        height += CURVES
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(document["stage"])}"><style>{_STYLE}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _bars(bars: Sequence[tuple[str, float]], classes: Mapping[str, str], title: str) -> list[str]:
    scale = _Scale([rate for _, rate in bars], LEFT, WIDTH - RIGHT, decades=True)
    bottom = HEAD + ROW * len(bars)
    parts = [_text(8, 20, title)]
    for tick in scale.ticks():
        at = scale.at(tick)
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{HEAD}" y2="{bottom}"/>')
        parts.append(_text(at, bottom + 15, _short(tick), "middle", "quiet"))
    for nth, (name, rate) in enumerate(bars):
        top, end = HEAD + ROW * nth, scale.at(rate)
        parts.append(_text(LEFT - 8, top + 16, name, "end"))
        parts.append(
            f'<rect class="{classes.get(name, "ours")}" x="{LEFT}" y="{top + 4}" '
            f'width="{max(1.0, end - LEFT):.1f}" height="{ROW - 8}" rx="2"/>'
        )
        parts.append(_text(end + 6, top + 16, number(rate), kind="quiet"))
    return parts


def _curves(series: Points, axes: Sequence[str], top: int) -> list[str]:
    points = [point for some in series.values() for point in some]
    across = _Scale([x for x, _ in points], LEFT, WIDTH - RIGHT)
    up = _Scale([y for _, y in points], top + CURVES - 40, top + 20)
    parts = [_text(8, top + 14, f"{axes[1]} by {axes[0]}")]
    for tick in across.ticks():
        parts.append(_text(across.at(tick), top + CURVES - 22, _short(tick), "middle", "quiet"))
    for tick in up.ticks():
        at = up.at(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(_text(LEFT - 8, at + 4, _short(tick), "end", "quiet"))
    for nth, ((name, some), colour) in enumerate(zip(series.items(), cycle(COLOURS), strict=False)):
        line = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in some)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{across.at(x):.1f}" cy="{up.at(y):.1f}" r="3" fill="{colour}"/>' for x, y in some
        ]
        parts.append(f'<rect x="8" y="{top + 28 + 18 * nth}" width="12" height="4" fill="{colour}"/>')
        parts.append(_text(26, top + 34 + 18 * nth, name, kind="quiet"))
    return parts


class _Scale:
    """Numbers to places; logarithmic where they are far apart, or ``decades`` asks for it."""

    def __init__(self, values: Sequence[float], start: float, end: float, decades: bool = False) -> None:
        least, most = min(values), max(values)
        self.log = least > 0 and (decades or most / least > 20)
        self.low = math.floor(math.log10(least) - 0.3) if self.log else 0.0
        self.high = math.log10(most) if self.log else max(most, 1e-9)
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        """Where it stands."""
        one = math.log10(value) if self.log else value
        return self.start + (one - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Powers of ten, or four round numbers."""
        if self.log:
            return [10.0**power for power in range(math.ceil(self.low), math.floor(self.high) + 1)]
        rough = 10.0 ** math.floor(math.log10(self.high / 2))
        step = next(rough * one for one in (1, 2, 5, 10) if self.high / (rough * one) <= 5)
        return [step * nth for nth in range(int(self.high / step) + 1)]


def _short(value: float) -> str:
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _text(x: float, y: float, words: str, anchor: str = "start", kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{named}>{escape(words)}</text>'
