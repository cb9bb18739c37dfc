"""Charts as Vega-Lite: from rows to a specification. What rows are asked for stands in `queries.py`.

Every row may name its `panel`: rows of several panels come out as small multiples, one below the other, each on a scale
of its own. A week is the ISO text of its Monday, and a week without a number keeps its place. Colours carry no meaning
alone: series differ in their dashes, days in their heights, and what is faint is said to be open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from copilot_assets.report.look import DASHES, FONT, LIGHT, SERIES, Spec
from copilot_assets.report.words import counted

Row = Mapping[str, Any]

# Pixels.
WIDTH: Final = 640
_LABEL: Final = 11
_DAYS_ROOM: Final = 22  # a bar in which `5/7` has room
_OPEN: Final = 0.4  # the opacity of a week that is not whole

# The part of a total that its parts do not tell.
REST: Final = "withheld or not told"
# Weeks that a chart has room for at least: a bar of a single week is no wall.
_FEWEST_WEEKS: Final = 10

# What becomes of a day, in the order of its legend: the word, the colour, and how much of the line's height it fills.
DAYS: Final = (
    ("reported", "pale", 0.35),
    ("may be revised", "blue", 0.35),
    ("not published yet", "grey", 0.2),
    ("below five licences", "gold", 0.7),
    ("missing, explained", "orange", 0.9),
    ("missing, unexplained", "bad", 1.0),
)


def people_by_week(rows: Sequence[Row], *, width: int = WIDTH, height: int = 120) -> Spec:
    """A bar a week: `week`, `value`, `days` of seven that it rests on, `is_closed`, `has_break`, `seats` if known.

    A week that is not whole is faint; one that rests on fewer than seven days says on how many.
    """
    newest = {row["panel"]: row["week"] for row in rows if row["is_closed"] and row["value"] is not None}
    values = [
        {
            **{name: row[name] for name in ("panel", "week", "value", "seats")},
            "top": row["value"] or 0,
            "whole": bool(row["is_closed"]) and row["days_expected"] == 7,
            "number": f"{row['value']:,}" if newest.get(row["panel"]) == row["week"] else None,
            "days": None if row["days"] == 7 else f"{row['days']}/7",
            "break": bool(row["has_break"]),
        }
        for row in rows
    ]
    y = {"field": "value", "type": "quantitative", "title": "people", "axis": {"tickCount": 3, "format": ",d"}}
    layers: list[Spec] = [
        _mark("rule", "break", color=LIGHT["quiet"], strokeDash=[3, 3], x={**_week_x(values), "bandPosition": 0}),
        {
            "mark": {"type": "bar", "aria": False, "color": LIGHT["blue"], "width": {"band": 0.72}},
            "encoding": {
                "x": _week_x(values),
                "y": y,
                "opacity": {"condition": {"test": "datum.whole", "value": 1}, "value": _OPEN},
            },
        },
        _text("number", _week_x(values), {"field": "top", "type": "quantitative"}, dy=-3, baseline="bottom"),
        _text("days", _week_x(values), {"datum": 0}, dy=-4, baseline="bottom"),
    ]
    if len(layers[0]["encoding"]["x"]["scale"]["domain"]) * _DAYS_ROOM > width:
        layers[-1]["mark"]["fontSize"] = 8
    on_bar = {
        "condition": {"test": "datum.whole && datum.value != null", "value": LIGHT["ground"]},
        "value": LIGHT["ink"],
    }
    layers[-1]["encoding"]["color"] = on_bar
    if any(row["seats"] is not None for row in rows):
        seats = {"field": "seats", "type": "quantitative"}
        mark = {"type": "tick", "aria": False, "color": LIGHT["ink"], "thickness": 2, "width": {"band": 0.9}}
        layers.append({"mark": mark, "encoding": {"x": _week_x(values), "y": seats}})
        last = max(row["week"] for row in rows if row["seats"] is not None)
        labelled = [{"filter": f"datum.week === '{last}' && datum.seats != null"}]
        x = _week_x(values)
        label = {**_text("seats", x, seats, dy=-4, baseline="bottom", align="right"), "transform": labelled}
        label["encoding"]["text"] = {"value": {"expr": "datum.seats + ' licences'"}}
        layers.append(label)
    return _panels(values, layers, width, height)


def lines(
    rows: Sequence[Row], *, unit: str, number: str = ",d", width: int = WIDTH, height: int = 120, x: str = "week"
) -> Spec:
    """A line a `part`: `x`, `value`, `is_closed`. A number that is withheld or missing leaves a gap.

    Parts take their colour and dash in the order in which they come first. What is not closed is dotted.
    """
    parts = list(dict.fromkeys(row["part"] for row in rows))
    values = [{name: row[name] for name in ("panel", x, "part", "value", "is_closed")} for row in rows]
    place = _week_x(values) if x == "week" else _number_x(x, values)
    place.pop("bandPosition", None)
    encoding = {
        "x": place,
        "y": {
            "field": "value",
            "type": "quantitative",
            "title": unit,
            "axis": {"tickCount": 3, "format": number},
            "scale": {"zero": True},
        },
        "color": _series(parts, [LIGHT[name] for name in SERIES], symbolType="stroke"),
        "strokeDash": _series(parts, DASHES, symbolType="stroke"),
    }
    closed = {"transform": [{"calculate": "datum.is_closed ? datum.value : null", "as": "value"}]}
    line = {"type": "line", "aria": False, "strokeWidth": 2, "invalid": "break-paths-filter-domains"}
    # A number between two gaps is a line of no length: points show the last ones and those that stand alone.
    point = {"type": "point", "aria": False, "filled": True, "size": 22, "invalid": "filter"}
    lonely = [{"filter": {"field": "dot", "equal": True}}]
    layers: list[Spec] = [
        {"mark": line, "encoding": encoding, **closed},
        {
            "mark": point,
            "transform": lonely,
            "encoding": {
                **{name: encoding[name] for name in ("x", "y", "color")},
                "opacity": {"condition": {"test": "datum.is_closed", "value": 1}, "value": _OPEN},
            },
        },
    ]
    _mark_dots(values)
    return _panels(values, layers, width, height)


def pull_requests(rows: Sequence[Row], *, width: int = WIDTH) -> Spec:
    """Two charts with a line a `part`, one above the other: its share as `value`, and `hours` to merge."""
    shares = [row for row in rows if row["part"] in {row["part"] for row in rows if row["value"] is not None}]
    hours = [{**row, "value": row["hours"]} for row in rows]
    told = [lines(shares, unit="share", number=".0%", width=width, height=80)] if shares else []
    if any(row["value"] is not None for row in hours):
        told.append(lines(hours, unit="hours to merge", number=",.3~f", width=width, height=80))
    apart = {"scale": {"color": "independent", "strokeDash": "independent"}}
    return told[0] if len(told) == 1 else {"vconcat": told, "spacing": 14, "resolve": apart}


def _mark_dots(values: Sequence[dict[str, Any]]) -> None:
    """Give a `dot` to each number that no line leads to or from, and to the last of each part."""
    of_part: dict[tuple[Any, Any], list[dict[str, Any]]] = {}
    for value in values:
        of_part.setdefault((value["panel"], value["part"]), []).append(value)
    for series in of_part.values():
        told = [value["value"] is not None and bool(value["is_closed"]) for value in series]
        for place, value in enumerate(series):
            before, after = told[place - 1 : place] == [True], told[place + 1 : place + 2] == [True]
            alone = not (before or after) and value["value"] is not None
            last = told[place] and not any(told[place + 1 :])
            value["dot"] = alone or last or (value["value"] is not None and not value["is_closed"])


def stack(
    rows: Sequence[Row],
    *,
    unit: str,
    number: str = ",d",
    width: int = WIDTH,
    height: int = 120,
    colours: Sequence[str] = SERIES,
) -> Spec:
    """Bars a week made of `part`s that add up: `week`, `value`, `is_closed`. The rest comes on top."""
    parts = sorted(dict.fromkeys(row["part"] for row in rows), key=lambda part: part == REST)
    values = [
        {
            **{name: row[name] for name in ("panel", "week", "part", "value", "is_closed")},
            "place": parts.index(row["part"]),
        }
        for row in rows
    ]
    y = {
        "field": "value",
        "type": "quantitative",
        "title": unit,
        "axis": {"tickCount": 3, "format": number},
        "stack": "zero",
    }
    layer = {
        "mark": {"type": "bar", "aria": False, "width": {"band": 0.72}, "stroke": LIGHT["ground"], "strokeWidth": 0.5},
        "encoding": {
            "x": _week_x(values),
            "y": y,
            "color": _series(parts, [LIGHT[name] for name in colours]),
            "order": {"field": "place"},
            "opacity": {"condition": {"test": "datum.is_closed", "value": 1}, "value": _OPEN},
        },
    }
    return _panels(values, [layer], width, height)


def shares(rows: Sequence[Row], *, width: int = WIDTH, step: int = 22) -> Spec:
    """A bar a `label`, in the order given: `value` from 0 on, and `says` behind it; a null `value` has words alone."""
    values = [
        {**{name: row[name] for name in ("panel", "label", "value", "says")}, "end": row["value"] or 0} for row in rows
    ]
    y = {
        "field": "label",
        "type": "nominal",
        "title": None,
        "sort": None,
        "axis": {"labelColor": LIGHT["ink"], "labelLimit": 180},
    }
    top = max((value["end"] for value in values), default=0) or 1
    scale = {"domain": [0, top * 1.45]}  # room for the words
    x = {"field": "value", "type": "quantitative", "axis": None, "scale": scale}
    end = {"field": "end", "type": "quantitative", "axis": None, "scale": scale}
    layers = [
        {
            "mark": {"type": "bar", "aria": False, "color": LIGHT["blue"], "height": {"band": 0.66}},
            "encoding": {"x": x, "y": y},
        },
        _text("says", end, y, dx=6, align="left", baseline="middle"),
    ]
    return _panels(values, layers, width, {"step": step})


def before_and_after(rows: Sequence[Row], *, width: int = WIDTH) -> Spec:
    """A line a `label` from `before` (hollow) to `after` (filled), `window_no` weeks away; only where both are told."""
    values = [
        {
            **{name: row[name] for name in ("label", "before", "after")},
            "end": max(row["before"], row["after"]),
            "says": f"{row['before']:,} → {row['after']:,} ({counted(row['window_no'], 'week')})",
        }
        for row in rows
        if row["before"] is not None and row["after"] is not None
    ]
    y = {
        "field": "label",
        "type": "nominal",
        "title": None,
        "sort": None,
        "axis": {"labelColor": LIGHT["ink"], "labelLimit": 200},
    }
    top = max(value["end"] for value in values) or 1
    scale = {"domain": [0, top * 1.35]}

    def at(field: str) -> Spec:
        return {"field": field, "type": "quantitative", "title": "people", "scale": scale, "axis": {"tickCount": 4}}

    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "aria": False, "strokeWidth": 2, "color": LIGHT["pale"]},
            "encoding": {"y": y, "x": at("before"), "x2": {"field": "after"}},
        },
        {
            "mark": {"type": "point", "aria": False, "size": 60, "color": LIGHT["blue"]},
            "encoding": {"y": y, "x": at("before")},
        },
        {
            "mark": {"type": "point", "aria": False, "size": 60, "filled": True, "opacity": 1, "color": LIGHT["blue"]},
            "encoding": {"y": y, "x": at("after")},
        },
        _text("says", at("end"), y, dx=9, align="left", baseline="middle"),
    ]
    return {"data": {"values": values}, "layer": layers, "width": width, "height": {"step": 26}}


def day_strips(rows: Sequence[Row], *, width: int = WIDTH, step: int = 15) -> Spec:
    """A strip a `report` of what became of its days: stretches `first` to `last` of one of `DAYS`, as `what`."""
    heights = {what: height for what, _, height in DAYS}
    values = [
        {
            "panel": row["panel"],
            "report": row["report"],
            "from": row["first"].isoformat(),
            "to": (row["last"] + timedelta(days=1)).isoformat(),
            "what": row["what"],
        }
        for row in rows
    ]
    words = [what for what, _, _ in DAYS if any(value["what"] == what for value in values)]
    colours = {what: LIGHT[colour] for what, colour, _ in DAYS}
    y = {"field": "report", "type": "nominal", "title": None, "axis": {"labelColor": LIGHT["ink"], "labelLimit": 150}}
    x = {
        "field": "from",
        "type": "temporal",
        "title": None,
        "scale": {"type": "utc"},
        "axis": {"grid": False, "format": "%-d %b", "tickCount": 6, "labelOverlap": "parity", "labelSeparation": 8},
    }
    colour = {
        "field": "what",
        "type": "nominal",
        "scale": {"domain": words, "range": [colours[what] for what in words]},
        "legend": {"symbolType": "square", "symbolStrokeWidth": 0},
    }
    layers: list[Spec] = [
        {
            "mark": {"type": "bar", "aria": False, "height": {"band": heights[what]}},
            "transform": [{"filter": f"datum.what === '{what}'"}],
            "encoding": {"x": x, "x2": {"field": "to"}, "y": y, "color": colour},
        }
        for what in words
    ]
    return _panels(values, layers, width, {"step": step}, y="shared")


def weeks_between(first: date, last: date) -> list[str]:
    """Every Monday from the first to the last."""
    return [(first + timedelta(days=7 * n)).isoformat() for n in range((last - first).days // 7 + 1)]


def _week_x(values: Sequence[Mapping[str, Any]]) -> Spec:
    """Weeks in their places, those without a row too; labelled where a month begins."""
    found = [date.fromisoformat(value["week"]) for value in values]
    last = max(found)
    weeks = weeks_between(min(*found, last - timedelta(days=7 * (_FEWEST_WEEKS - 1))), last)
    starts = [week for place, week in enumerate(weeks) if place == 0 or week[5:7] != weeks[place - 1][5:7]]
    # The label of a month that the chart has a part of would run into the next one's.
    if len(starts) > 1 and weeks.index(starts[1]) < 3:
        starts = starts[1:]
    return {
        "field": "week",
        "type": "ordinal",
        "title": None,
        "scale": {"domain": weeks},
        "axis": {
            "grid": False,
            "values": starts,
            "labelAngle": 0,
            "labelAlign": "left",
            "labelExpr": "utcFormat(toDate(datum.value), '%-d %b')",
        },
    }


def _number_x(field: str, values: Sequence[Mapping[str, Any]]) -> Spec:
    """Whole numbers, some ten of them labelled: Vega's own ticks of a short range are halves, labelled twice."""
    numbers = [value[field] for value in values]
    return {
        "field": field,
        "type": "quantitative",
        "title": field.replace("_", " "),
        "axis": {
            "grid": False,
            "values": list(range(min(numbers), max(numbers) + 1, 1 + (max(numbers) - min(numbers)) // 10)),
            "format": "d",
        },
    }


def _series(parts: Sequence[str], looks: Sequence[Any], **legend: Any) -> Spec:
    """The colour or the dash of each part; more parts than looks share the last, which is that of the rest."""
    chosen = [looks[-1 if part == REST else min(place, len(looks) - 1)] for place, part in enumerate(parts)]
    return {"field": "part", "type": "nominal", "scale": {"domain": list(parts), "range": chosen}, "legend": legend}


def _text(field: str, x: Spec, y: Spec, **mark: Any) -> Spec:
    return {
        "mark": {"type": "text", "aria": False, "font": FONT, "fontSize": _LABEL, "color": LIGHT["ink"], **mark},
        "transform": [{"filter": f"datum.{field} != null"}],
        "encoding": {"x": x, "y": y, "text": {"field": field}},
    }


def _mark(kind: str, test: str, *, x: Spec, **mark: Any) -> Spec:
    return {
        "mark": {"type": kind, "aria": False, **mark},
        "transform": [{"filter": f"datum['{test}']"}],
        "encoding": {"x": x},
    }


def _panels(
    values: Sequence[Mapping[str, Any]], layers: Sequence[Spec], width: int, height: int | Spec, y: str = "independent"
) -> Spec:
    """One chart, or one a panel when rows name several."""
    names = list(dict.fromkeys(value["panel"] for value in values))
    spec: Spec = {"width": width, "height": height, "layer": list(layers)}
    if len(names) <= 1:
        return {"data": {"values": list(values)}, **spec}
    row = {"field": "panel", "type": "nominal", "sort": names, "header": {"labelOrient": "top", "labelAngle": 0}}
    return {
        "data": {"values": list(values)},
        "facet": {"row": row},
        "spec": spec,
        "spacing": 14,
        "resolve": {"scale": {"y": "independent"}},
    }
