"""Drawings of architectures as SVG: the graph of a cell, the blocks of a ResNet."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

__all__ = ["drawing"]

_OPERATIONS = {
    "none": ("", 6),
    "skip_connect": ("skip", 5),
    "nor_conv_1x1": ("1×1 conv", 2),
    "nor_conv_3x3": ("3×3 conv", 0),
    "avg_pool_3x3": ("3×3 pool", 1),
}
_WIDTH, _HEIGHT = 400, 160
_MOST_BLOCKS = 5


def drawing(cell: Mapping[str, Any], caption: str) -> str:
    """Return a drawing of an architecture; empty text if there is none for its space.

    Args:
        cell: An entry of ``best.json``: ``architecture`` and its other notations.
        caption: Text below it, plain.
    """
    if isinstance(cell.get("arch_str"), str):
        svg, about = _cell(cell["arch_str"])
    elif isinstance(cell["architecture"], Mapping) and "out_channel0" in cell["architecture"]:
        svg, about = _resnet(cell["architecture"])
    else:
        return ""
    alt = escape(f"{caption}: {about}", quote=True)
    return (
        f"<figure><svg viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' aria-label='{alt}'>{svg}</svg>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _cell(arch_str: str) -> tuple[str, str]:
    """The graph of a cell of NAS-Bench-201: nodes in a row, an arc for each operation."""
    edges = []
    for target, group in enumerate(arch_str.split("+"), start=1):
        for entry in group.strip("|").split("|"):
            name, number = entry.rsplit("~", 1)
            edges.append((int(number), target, name))
    places = [(40 + 106 * node, 95) for node in range(4)]
    # Arcs over several nodes bend away from the row: two up, one down.
    bends = {(0, 2): -80, (1, 3): 80, (0, 3): -150}
    lines, texts, said = [], [], []
    for source, target, name in edges:
        label, colour = _OPERATIONS.get(name, (name, 6))
        (x0, y), (x1, _) = places[source], places[target]
        bend = bends.get((source, target), 0)
        middle = (x0 + x1) / 2
        faint = " faint" if name == "none" else ""
        lines.append(
            f"<path class='edge{faint} s{colour}' style='stroke:var(--c)' "
            f"d='M{x0} {y}Q{middle} {y + bend} {x1} {y}'/>"
        )
        if label:
            texts.append(
                f"<text x='{middle}' y='{y + bend / 2 + (-5 if bend <= 0 else 15)}' "
                f"text-anchor='middle'>{label}</text>"
            )
            said.append(f"{label} from {_node(source)} to {_node(target)}")
    nodes = [
        f"<circle class='node' cx='{x}' cy='{y}' r='15'/>"
        f"<text x='{x}' y='{y + 5}' text-anchor='middle'>{('in', '1', '2', 'out')[node]}</text>"
        for node, (x, y) in enumerate(places)
    ]
    return "".join([*lines, *nodes, *texts]), ", ".join(said) or "no operation"


def _node(number: int) -> str:
    return ("the input", "node 1", "node 2", "the output")[number]


def _resnet(values: Mapping[str, Any]) -> tuple[str, str]:
    """The main blocks of AnalogNAS's ResNet: one column each, as many boxes as it has branches."""
    n_blocks = min(int(values["M"]), _MOST_BLOCKS)
    step = (_WIDTH - 20) / (n_blocks + 2)
    parts = [_box(10, 57, step - 12, 46, 6, ["stem", f"{values['out_channel0']} ch."])]
    said = [f"a stem of {values['out_channel0']} channels"]
    for number in range(1, n_blocks + 1):
        branches = max(1, int(values[f"B{number}"]))
        residual, repeats = values[f"convblock{number}"], values[f"R{number}"]
        kind = "bottleneck" if residual == 2 else "basic"
        left = 10 + number * step
        height = min(46, 126 / branches - 4)
        top = 80 - branches * (height + 4) / 2 + 2
        text = [f"{repeats} × {kind[:6]}", f"w {float(values[f'widenfact{number}']):.2g}"]
        for branch in range(branches):
            parts.append(
                _box(
                    left,
                    top + branch * (height + 4),
                    step - 12,
                    height,
                    (number - 1) % 6,
                    text if branch == 0 or height >= 30 else [],
                )
            )
        said.append(
            f"{repeats} {kind} blocks with {branches} branch{'es' if branches > 1 else ''} and widening "
            f"{float(values[f'widenfact{number}']):.2g}"
        )
    parts.append(_box(10 + (n_blocks + 1) * step, 57, step - 12, 46, 6, ["mean,", "classes"]))
    links = "".join(
        f"<path class='edge' d='M{10 + place * step + step - 12:.1f} 80h12'/>"
        for place in range(n_blocks + 1)
    )
    return links + "".join(parts), ", then ".join(said)


def _box(
    left: float, top: float, width: float, height: float, colour: int, lines: list[str]
) -> str:
    texts = "".join(
        f"<text x='{left + width / 2:.1f}' y='{top + height / 2 + 5 + 15 * (row - (len(lines) - 1) / 2):.1f}' "
        f"text-anchor='middle' style='font-size:11px'>{escape(line)}</text>"
        for row, line in enumerate(lines)
    )
    return (
        f"<rect class='node s{colour}' style='stroke:var(--c)' x='{left:.1f}' y='{top:.1f}' "
        f"width='{width:.1f}' height='{height:.1f}' rx='5'/>{texts}"
    )
