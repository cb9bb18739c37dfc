"""quality.schema_drift: fields and values that the project does not know, by report, and the check of them."""

from datetime import date

from tests.dbt_like_sql.conftest import MODELS, Book, Row

ORG, LABS, ENTERPRISE = "org:octo-org", "org:octo-labs", "enterprise:octo-corp"
FIRST, SECOND, THIRD = date(2026, 9, 1), date(2026, 9, 2), date(2026, 9, 3)

(MODEL,) = (model for model in MODELS if model.table == "quality.schema_drift")
(CHECK,) = (check for check in MODEL.checks if check.name == "has_nothing_new")


def send(book: Book, table: str, day: date = FIRST, scope: str = ORG, **values: str) -> None:
    """A row of an entity's breakdown, as it was flattened."""
    book.insert(f"flat.entity_{table}_daily", scope=scope, day=day, **values)


def field(
    book: Book, path: str, day: date = FIRST, *, json_type: str = "integer", records: int = 1, scope: str = ORG
) -> None:
    key = {"fetch_id": "f", "scope": scope, "report": "users-1-day", "day": day}
    book.insert("raw.unknown_fields", **key, path=path, json_type=json_type, records=records)


def drift(book: Book) -> list[Row]:
    book.build("quality.schema_drift")
    return book.rows("from quality.schema_drift")


def warned(book: Book) -> list[tuple[str, str]]:
    book.build("quality.schema_drift")
    return [(row["kind"], row["name"]) for row in book.rows(CHECK.sql)]


def test_what_is_known_is_no_drift_by_any_of_its_names(book: Book) -> None:
    send(book, "feature", feature="code_completion")
    send(book, "ide", ide="vscode")
    send(book, "ide", ide="Unknown")
    send(book, "language_feature", language="c#", feature="others")
    send(book, "language_model", language="csharp", model="claude-4.5-haiku", model_name="claude-haiku-4.5")
    send(book, "model_feature", model="auto", feature="copilot_cli")
    assert drift(book) == []


def test_a_model_that_is_known_is_known_however_it_is_spelt(book: Book) -> None:
    send(book, "model_feature", model="Claude-4.0-Sonnet", model_name="claude-sonnet-4", feature="others")
    send(book, "model_feature", model="claude-5.0-sonnet", model_name="claude-sonnet-5", feature="others")
    assert [(row["kind"], row["name"]) for row in drift(book)] == [("model", "claude-5.0-sonnet")]


def test_bills_and_legacy_metrics_are_looked_at_too(book: Book) -> None:
    on = {"scope": ORG, "day": FIRST}
    for name, model in (("Auto: Claude Sonnet 4.5", "claude-sonnet-4.5"), ("Grok 9", "grok-9"), (None, None)):
        book.insert("flat.ai_credit_usage", **on, model=name, model_name=model)
    book.insert("flat.premium_request_usage", **on, model="Grok 8", model_name="grok-8")
    for editor in ("JetBrains", "fleet"):
        book.insert("flat.legacy_ide_chat_editor_daily", **on, editor=editor)
    book.insert("flat.legacy_code_completion_language_daily", **on, language="quux")
    for model, custom in (("default", False), ("our-own", True), ("turbo", False)):
        book.insert("flat.legacy_dotcom_chat_daily", **on, model=model, is_custom_model=custom)
    assert [(row["report"], row["kind"], row["name"]) for row in drift(book)] == [
        ("ai-credit-usage", "model", "Grok 9"),
        ("legacy-metrics", "ide", "fleet"),
        ("legacy-metrics", "language", "quux"),
        ("legacy-metrics", "model", "turbo"),
        ("premium-request-usage", "model", "Grok 8"),
    ]


def test_a_field_is_told_by_path_and_type_over_its_days(book: Book) -> None:
    field(book, "$.totals[].new", FIRST, records=4)
    field(book, "$.totals[].new", FIRST, records=5, scope=LABS)
    field(book, "$.totals[].new", THIRD, records=6)
    field(book, "$.totals[].new", SECOND, json_type="null")
    for report in ("repos-1-day", "users-1-day"):
        book.connection.execute("update raw.unknown_fields set report = ?", [report])
        told = drift(book)
        # records of users-1-day are people: how many of them is not told
        assert [row["records"] for row in told] == ([15, 1] if report == "repos-1-day" else [None, None])
    book.connection.execute("update raw.unknown_fields set report = 'repos-1-day'")
    keys = {"report": "repos-1-day", "kind": "field", "name": "$.totals[].new"}
    assert drift(book) == [
        keys | {"json_type": "integer", "first_day": FIRST, "last_day": THIRD, "days": 2, "records": 15},
        keys | {"json_type": "null", "first_day": SECOND, "last_day": SECOND, "days": 1, "records": 1},
    ]


def test_a_value_is_told_by_kind_and_by_the_report_of_its_scope(book: Book) -> None:
    send(book, "ide", ide="fleet")
    send(book, "ide", SECOND, ide="fleet", scope=ENTERPRISE)
    send(book, "ide", THIRD, ide="fleet", scope=ENTERPRISE)
    value = {"kind": "ide", "name": "fleet", "json_type": None}
    assert drift(book) == [
        value | {"report": "enterprise-1-day", "first_day": SECOND, "last_day": THIRD, "days": 2, "records": 2},
        value | {"report": "organization-1-day", "first_day": FIRST, "last_day": FIRST, "days": 1, "records": 1},
    ]


def test_a_record_counts_once_however_often_it_names_the_value(book: Book) -> None:
    send(book, "language_model", language="quux", model="auto")
    send(book, "language_model", language="quux", model="gpt-5.4")
    send(book, "language_feature", language="quux", feature="agent_edit")
    send(book, "language_feature", language="quux", feature="agent_edit", scope=LABS)
    (row,) = drift(book)
    assert (row["kind"], row["name"], row["days"], row["records"]) == ("language", "quux", 1, 2)


def test_every_breakdown_is_looked_at_for_every_value_it_has(book: Book) -> None:
    send(book, "feature", feature="f1")
    send(book, "ide", ide="i1")
    send(book, "language_feature", language="l1", feature="f2")
    send(book, "language_model", language="l2", model="m1")
    send(book, "model_feature", model="m2", feature="f3")
    assert [(row["kind"], row["name"]) for row in drift(book)] == [
        ("feature", "f1"),
        ("feature", "f2"),
        ("feature", "f3"),
        ("ide", "i1"),
        ("language", "l1"),
        ("language", "l2"),
        ("model", "m1"),
        ("model", "m2"),
    ]


def test_a_value_is_known_as_what_it_is_and_not_as_something_else(book: Book) -> None:
    send(book, "ide", ide="python")
    send(book, "language_feature", language="vscode", feature="agent_edit")
    assert [(row["kind"], row["name"]) for row in drift(book)] == [("ide", "python"), ("language", "vscode")]


def test_a_line_of_a_bill_without_a_model_is_no_unknown_model(book: Book) -> None:
    for model in ("", None, "GPT-9"):
        row = {"model": model, "model_name": model and "gpt-9"}
        book.insert("flat.ai_credit_usage", scope=ORG, day=FIRST, **row)
        book.insert("flat.premium_request_usage", scope=ORG, day=FIRST, **row)
    assert [(row["report"], row["name"]) for row in drift(book)] == [
        ("ai-credit-usage", "GPT-9"),
        ("premium-request-usage", "GPT-9"),
    ]


def test_the_check_warns_of_values_for_28_days_of_data_and_of_fields_always(book: Book) -> None:
    assert CHECK.severity == "warn"
    newest = date(2026, 9, 29)
    book.insert("flat.entity_daily", scope=ORG, day=newest)
    book.insert("flat.entity_daily", scope=LABS, day=FIRST)
    field(book, "$.old", date(2026, 1, 1))
    send(book, "model_feature", date(2026, 9, 2), model="gpt-new", feature="others")  # the first of the 28 days
    send(book, "model_feature", date(2026, 9, 1), model="gpt-old", feature="others")
    send(book, "model_feature", newest, model="gpt-old", feature="others")
    assert {row["name"] for row in drift(book)} == {"$.old", "gpt-new", "gpt-old"}
    assert warned(book) == [("model", "gpt-new"), ("field", "$.old")]


def test_the_check_is_quiet_where_there_is_nothing(book: Book) -> None:
    assert warned(book) == []


def test_the_assertions_of_the_model_hold(book: Book) -> None:
    field(book, "$.a")
    field(book, "$.a", json_type="null")
    send(book, "language_model", language="l", model="l")
    send(book, "language_model", language="l", model="l", scope=ENTERPRISE)
    assert len(drift(book)) == 6
    assert {check.name: len(book.rows(check.sql)) for check in MODEL.checks if check is not CHECK} == {
        check.name: 0 for check in MODEL.checks if check is not CHECK
    }
