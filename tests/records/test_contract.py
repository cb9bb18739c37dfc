"""The strict contract refuses what nobody announced, wherever it stands; the slow look says where, and of what type."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any

import msgspec
import pytest

from copilot_assets.github.reports import REPORTS
from copilot_assets.records import AiCreditUsage, EntityDay, EntityWindow, LegacyDay, Record, Seat, UserDay
from copilot_assets.records.contract import fingerprint, strict, unknown_fields
from copilot_assets.records.fields import count, identity, meta

USER = {"day": "2026-09-01", "user_id": 7}
ENTITY = {"day": "2026-09-01"}
BILL = {"timePeriod": {"year": 2026, "month": 9, "day": 1}, "usageItems": []}
SEAT = {"created_at": "2026-09-01T00:00:00Z"}
NEW = {"tomorrow": 1}


def decode(kind: type[Record], value: Any) -> Any:
    return msgspec.json.decode(json.dumps(value), type=kind)


def found(record: type[Record], value: Any) -> list[tuple[str, str]]:
    return sorted(unknown_fields(record, json.dumps(value).encode()))


# A record with a field nobody announced at one place, and that place.
PLACES: dict[str, tuple[type[Record], dict[str, Any]]] = {
    "$.tomorrow": (UserDay, USER | NEW),
    "$.ai_adoption_phase.tomorrow": (UserDay, USER | {"ai_adoption_phase": {"phase": "Phase 1"} | NEW}),
    "$.totals_by_ide[].tomorrow": (UserDay, USER | {"totals_by_ide": [{"ide": "vscode"}, {"ide": "x"} | NEW]}),
    "$.totals_by_ide[].last_known_ide_version.tomorrow": (
        UserDay,
        USER | {"totals_by_ide": [{"ide": "vscode", "last_known_ide_version": NEW}]},
    ),
    "$.totals_by_cli.token_usage.tomorrow": (UserDay, USER | {"totals_by_cli": {"token_usage": NEW}}),
    "$.pull_requests.copilot_suggestions_by_comment_type[].tomorrow": (
        EntityDay,
        ENTITY | {"pull_requests": {"copilot_suggestions_by_comment_type": [{"comment_type": "security"} | NEW]}},
    ),
    "$.day_totals[].totals_by_feature[].tomorrow": (
        EntityWindow,
        {
            "report_start_day": "2026-08-05",
            "report_end_day": "2026-09-01",
            "day_totals": [ENTITY, ENTITY | {"totals_by_feature": [{"feature": "chat"} | NEW]}],
        },
    ),
    "$.copilot_ide_code_completions.editors[].models[].languages[].tomorrow": (
        LegacyDay,
        {
            "date": "2026-03-01",
            "copilot_ide_code_completions": {
                "editors": [{"name": "e", "models": [{"name": "m", "languages": [{"name": "l"} | NEW]}]}]
            },
        },
    ),
    "$.timePeriod.tomorrow": (AiCreditUsage, BILL | {"timePeriod": {"year": 2026, "month": 9, "day": 1} | NEW}),
    "$.usageItems[].tomorrow": (AiCreditUsage, BILL | {"usageItems": [{"product": "p", "sku": "s"} | NEW]}),
}


@pytest.mark.parametrize("path", PLACES)
def test_an_unknown_field_is_refused_and_found_at_every_depth(path: str) -> None:
    record, value = PLACES[path]
    assert isinstance(decode(record, value), record), "the contract itself passes over it"
    with pytest.raises(msgspec.ValidationError, match="unknown field `tomorrow`"):
        decode(strict(record), value)
    assert found(record, value) == [(path, "integer")]
    without = json.loads(json.dumps(value).replace(', "tomorrow": 1', "").replace('"tomorrow": 1', ""))
    assert isinstance(decode(strict(record), without), record), "that field alone was refused"
    assert found(record, without) == []


@pytest.mark.parametrize(
    "record", dict.fromkeys(report.record for report in REPORTS), ids=lambda record: record.__name__
)
def test_the_strict_contract_has_the_same_fields_and_defaults(record: type[Record]) -> None:
    def shape(kind: type[Record]) -> dict[str, tuple[str, bool, Any]]:
        return {each.name: (each.encode_name, each.required, each.default) for each in msgspec.structs.fields(kind)}

    assert shape(strict(record)) == shape(record)
    assert issubclass(strict(record), record)
    assert strict(record) is strict(record), "one decoder a record"


def test_what_is_absent_stays_unknown_and_bounds_stay() -> None:
    user = decode(strict(UserDay), USER | {"loc_added_sum": 0})
    assert (user.loc_added_sum, user.loc_deleted_sum, user.totals_by_ide, user.user_login) == (0, None, None, None)
    for broken in ({"loc_added_sum": -1}, {"loc_added_sum": 1.5}, {"loc_added_sum": 2**63}, {"totals_by_ide": [{}]}):
        with pytest.raises(msgspec.ValidationError):
            decode(strict(UserDay), USER | broken)
    with pytest.raises(msgspec.ValidationError, match="user_id"):
        decode(strict(UserDay), {"day": "2026-09-01"})


def test_a_strict_record_still_knows_its_day_and_refuses_what_is_no_date() -> None:
    assert decode(strict(UserDay), USER).about == date(2026, 9, 1)
    assert decode(strict(AiCreditUsage), BILL).about == date(2026, 9, 1)
    assert decode(strict(Seat), SEAT).about is None
    window = {"report_start_day": "2026-08-05", "report_end_day": "2026-09-01"}
    assert decode(strict(EntityWindow), window).about == date(2026, 9, 1)
    with pytest.raises(msgspec.ValidationError, match=r"\$\.timePeriod"):
        decode(strict(AiCreditUsage), BILL | {"timePeriod": {"year": 2026, "month": 2, "day": 30}})


def test_one_more_field_of_a_person_or_a_team_is_no_news() -> None:
    seat = SEAT | {"assignee": {"id": 1} | NEW, "organization": NEW, "assigning_team": NEW}
    assert decode(strict(Seat), seat).assignee.id == 1
    assert found(Seat, seat) == []
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        decode(strict(Seat), seat | NEW)
    assert found(Seat, seat | NEW) == [("$.tomorrow", "integer")]


@pytest.mark.parametrize(
    ("text", "json_type"),
    [
        ("0", "integer"),
        ("-12", "integer"),
        ("1.0", "number"),
        ("2e3", "number"),
        ("1E400", "number"),  # more than Python's float can hold
        ("1" * 5000, "integer"),  # more digits than Python reads
        ('"1"', "string"),
        ('"e.{["', "string"),
        ("true", "boolean"),
        ("false", "boolean"),
        ("null", "null"),
        ("[1, {}]", "array"),
        ('{"login": 1}', "object"),
    ],
)
def test_a_new_field_is_told_by_its_json_type_alone(text: str, json_type: str) -> None:
    record = b'{"day": "2026-09-01", "user_id": 7, "tomorrow" :  %s }' % text.encode()
    assert list(unknown_fields(UserDay, record)) == [("$.tomorrow", json_type)], "what stands in it is not looked at"


def test_every_place_of_a_field_is_told() -> None:
    ides = [{"ide": "a", "x": 1}, {"ide": "b", "x": 2}, {"ide": "c", "x": None}, {"ide": "d"}]
    assert found(UserDay, USER | {"totals_by_ide": ides, "x": "text", "totals_by_cli": None}) == [
        ("$.totals_by_ide[].x", "integer"),
        ("$.totals_by_ide[].x", "integer"),
        ("$.totals_by_ide[].x", "null"),
        ("$.x", "string"),
    ]


def test_json_names_count_and_not_those_of_python() -> None:
    """A bill's fields are camelCase; the same word in snake_case is another field."""
    assert found(AiCreditUsage, BILL | {"usage_items": []}) == [("$.usage_items", "array")]
    assert found(UserDay, USER | {"": 1, "DAY": 2, "etl_id": {"any": "thing"}}) == [
        ("$.", "integer"),
        ("$.DAY", "integer"),
    ]


# --- Which contract it is --------------------------------------------------------------------------------------------


LINES = Annotated[int, count("Lines")]


def contract(kind: Any = LINES | None, *, name: str = "lines", inside: Any = LINES) -> type[Record]:
    """A contract of a key, a field, and a list of objects with a field, made anew each time."""
    inner = msgspec.defstruct("Inner", [("n", inside | None, None)], bases=(Record,), kw_only=True)
    fields: list[Any] = [("who", Annotated[int, identity("Who")]), (name, kind, None), ("all", tuple[inner, ...], ())]
    return msgspec.defstruct("Made", fields, bases=(Record,), kw_only=True)  # type: ignore[return-value]


def test_a_contract_is_the_same_until_it_takes_other_records() -> None:
    first = fingerprint(contract())
    assert fingerprint(contract()) == first, "it is no matter of the process"
    assert fingerprint(contract(Annotated[int, count("Other words")] | None)) == first
    others = [
        contract(name="more_lines"),
        contract(LINES),
        contract(Annotated[int, meta("Lines")] | None),
        contract(Annotated[float, meta("Lines")] | None),
        contract(Annotated[int, identity("Lines")] | None),
        contract(inside=Annotated[int, msgspec.Meta(ge=0, le=9)]),
        contract(name="description"),
        contract(LINES, name="description"),
    ]
    assert len({first, *map(fingerprint, others)}) == 1 + len(others)


def test_opening_an_object_makes_it_another_contract() -> None:
    """Its unknown fields are no news any more."""

    def made(*, is_open: bool) -> str:
        inner = type("Inner", (Record,), {"is_open": is_open})
        return fingerprint(msgspec.defstruct("Made", [("one", inner)], bases=(Record,)))  # type: ignore[arg-type]

    assert made(is_open=True) != made(is_open=False)


def test_every_record_type_has_a_contract_of_its_own() -> None:
    records = {report.record for report in REPORTS}
    assert len({fingerprint(record) for record in records}) == len(records) > 5
