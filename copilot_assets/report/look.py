"""How charts look and how they are drawn: colours, fonts, and Vega-Lite to a small SVG in this process.

What a chart shows is decided in `charts.py`. The charts are plain Vega-Lite, which vl-convert takes as it is: a builder
such as Altair would cost a run half a second to import and as long again for every ten charts.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

Spec = dict[str, Any]

# Colours by what they are for, in the light and in the dark. Series keep apart for colour-blind eyes (Okabe and Ito,
# darkened to a contrast of 3:1 with the ground) and are told apart by their dashes too.
LIGHT: Final[Mapping[str, str]] = {
    "ground": "#ffffff",
    "ink": "#1f2329",
    "quiet": "#59626d",
    "line": "#dfe3e8",
    "blue": "#0b63b8",
    "orange": "#b85c00",
    "green": "#00805c",
    "pink": "#b0487f",
    "gold": "#8a6d00",
    "grey": "#76808c",
    "pale": "#a9c9ea",
    "bad": "#c2260e",
}
DARK: Final[Mapping[str, str]] = {
    "ground": "#14181d",
    "ink": "#e8ebef",
    "quiet": "#a2acb8",
    "line": "#313942",
    "blue": "#5aa9f5",
    "orange": "#f0a04b",
    "green": "#3fc79a",
    "pink": "#ea8fbe",
    "gold": "#d9bb4f",
    "grey": "#8b95a1",
    "pale": "#2f567f",
    "bad": "#ff7a61",
}
SERIES: Final = ("blue", "orange", "green", "pink", "gold", "grey")
DASHES: Final = ([1, 0], [7, 3], [2, 2], [9, 2, 2, 2], [4, 4], [1, 3])

FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
_TEXT: Final = {"labelFont": FONT, "titleFont": FONT, "labelFontSize": 11, "titleFontSize": 11}
_CONFIG: Final[Spec] = {
    "background": None,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        **_TEXT,
        "aria": False,
        "domain": False,
        "ticks": False,
        "gridColor": LIGHT["line"],
        "labelColor": LIGHT["quiet"],
        "titleColor": LIGHT["quiet"],
        "titleFontWeight": "normal",
        "labelPadding": 5,
    },
    "legend": {
        **_TEXT,
        "aria": False,
        "orient": "top",
        "title": None,
        "labelColor": LIGHT["ink"],
        "labelLimit": 190,
        "symbolStrokeWidth": 2.5,
        "symbolSize": 160,
        "columnPadding": 14,
        "offset": 6,
    },
    "header": {
        "labelFont": FONT,
        "labelFontSize": 12,
        "labelFontWeight": "bold",
        "labelColor": LIGHT["ink"],
        "labelAnchor": "start",
        "labelLimit": 760,
        "labelPadding": 2,
        "title": None,
    },
}

# vl-convert writes for scripts and screen readers, of which a picture with an alternative text has neither.
_UNUSED: Final = (
    re.compile(r' (?:class|role|pointer-events|aria-\w+|xmlns:xlink|version|stroke-miterlimit)="[^"]*"'),
    re.compile(r' (?:opacity="1"|stroke-width="0"|font-weight="normal"|fill-opacity="1")'),
    re.compile(r'<path(?: aria-hidden="true")?(?: d="(?:M0,0h0v0h0Z)?")?(?: display="none")*/>'),
    re.compile(r'<path d="[^"]*"/>'),
)
_EMPTY_GROUP: Final = re.compile(r"<g[^>]*></g>")
_BARE_GROUP: Final = re.compile(r"<g>(<(?:text|path|rect|line)\b[^>]*(?:/>|>[^<]*</text>))</g>")
_FONT: Final = re.compile(r' font-family="[^"]*"')
_LONG_NUMBER: Final = re.compile(r"(\d+\.\d)\d+")


def svg(spec: Spec) -> str:
    """A chart as SVG, in the colours of the light; it says nothing to a screen reader, so give it an alternative."""
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg(_whole(spec))
    return _smaller(drawn)


def png(spec: Spec) -> bytes:
    """A chart as PNG on a ground of its own, at twice the pixels of the SVG, for what draws no SVG."""
    import vl_convert

    drawn: bytes = vl_convert.vegalite_to_png({**_whole(spec), "background": LIGHT["ground"]}, scale=2)
    return drawn


def _whole(spec: Spec) -> Spec:
    return {"config": _CONFIG, "padding": {"left": 14, "right": 6, "top": 2, "bottom": 2}, **spec}


def _smaller(drawn: str) -> str:
    """The same picture in about a third of the bytes."""
    for unused in _UNUSED:
        drawn = unused.sub("", drawn)
    drawn = _LONG_NUMBER.sub(r"\1", _FONT.sub("", drawn))
    before = ""
    while before != drawn:
        before, drawn = drawn, _BARE_GROUP.sub(r"\1", _EMPTY_GROUP.sub("", drawn))
    return drawn.replace("<svg ", f'<svg font-family="{FONT}" ', 1)


def on_paper(drawn: str) -> str:
    """An SVG that stands alone, as an image: on its own light ground, because it can't know what lies behind it."""
    return drawn.replace(">", f'><rect width="100%" height="100%" fill="{LIGHT["ground"]}"/>', 1)


def in_page(drawn: str) -> str:
    """An SVG for a page that says what the colours are: each is named, `var(--blue)`, so that it can be dark."""
    for name, colour in LIGHT.items():
        drawn = drawn.replace(f'"{colour}"', f'"var(--{name})"')
    return drawn.replace("<svg ", '<svg aria-hidden="true" ', 1)  # its place in the page has its name


def palette(colours: Mapping[str, str]) -> str:
    """Colours as the declarations of a style sheet."""
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())


def data_uri(drawn: str) -> str:
    """An SVG as the address of an image."""
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.encode()).decode("ascii")


def sparkline(values: Sequence[float | None]) -> str:
    """An area from zero up, as the address of an image of some 250 characters; what is not known is a gap."""
    step, height = 8, 32
    most = max(filter(None, values), default=1)
    path, start = "", None
    for place, value in enumerate(values):
        if value is None:
            path, start = path + (f"V{height}H{start}z" if start is not None else ""), None
            continue
        path += f"{'M' if start is None else 'L'}{place * step},{round(height - value / most * (height - 1))}"
        start = place * step if start is None else start
    path += f"V{height}H{start}z" if start is not None else ""
    drawn = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{step * len(values)}' height='{height}'>"
        f"<path d='{path}' fill='{LIGHT['blue']}'/></svg>"
    )
    return "data:image/svg+xml," + quote(drawn, safe="=:/',")
