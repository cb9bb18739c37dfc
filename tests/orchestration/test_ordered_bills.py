"""Usage reports that a run orders from GitHub: from the order to flat.bill_item, beside the daily bill."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from copilot_assets.standin import Standin
from tests.conftest import TODAY, Company, new_company

FIRST, LAST = TODAY - timedelta(days=4), TODAY - timedelta(days=3)


@pytest.fixture
def corp(standin: Standin, tmp_path: Path) -> Iterator[Company]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield new_company(standin, tmp_path, instance, scopes="enterprise:octo-corp", COPILOT_BILL_REPORTS="on")


def test_days_are_ordered_landed_and_flattened(corp: Company) -> None:
    for day in (FIRST, LAST):
        assert corp.materialize("raw.ai_usage_report", "raw.ai_credit_usage", day=day).success
    assert corp.materialize("flat.bill_item", "flat.ai_credit_usage").success
    units = "select day, round(sum({})::double, 2) from flat.{} group by day order by day"
    billed = corp.sql(units.format("gross_quantity", "ai_credit_usage"))
    assert corp.sql(units.format("quantity", "bill_item")) == billed
    assert [day for day, _ in billed] == [FIRST, LAST]
    ((unknown, logins),) = corp.sql("select count_if(user_id >= 0), count(user_login) from flat.bill_item")
    assert (unknown, logins) == (0, 0), "no report has told whose login is whose"
