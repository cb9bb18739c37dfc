"""Every setting that can't be used is said in a sentence that names it and what to write."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from copilot_assets.github.scopes import Scope, ScopeError, ScopeKind
from copilot_assets.settings import Settings, SettingsError, today_utc

GOOD = {"GITHUB_TOKEN": "secret-token", "COPILOT_SCOPES": "org:octo-org", "COPILOT_WAREHOUSE": "x.duckdb"}


def test_four_lines_are_enough() -> None:
    settings = Settings.from_env({**GOOD, "COPILOT_START_DATE": "2026-01-01"})
    assert settings.scopes == (Scope(ScopeKind.ORG, "octo-org"),)
    assert settings.start_date == date(2026, 1, 1)
    assert settings.api_url == "https://api.github.com"
    assert settings.lookback_days == 4
    assert settings.legacy_api is False


def test_the_token_is_not_shown() -> None:
    assert "secret-token" not in repr(Settings.from_env(GOOD))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"GITHUB_TOKEN": ""}, ["GITHUB_TOKEN is not set", "copilot-assets demo"]),
        ({"GITHUB_TOKEN": "abc def"}, ["GITHUB_TOKEN holds a character"]),
        ({"COPILOT_SCOPES": ""}, ["COPILOT_SCOPES is not set", "org:octo-org"]),
        ({"COPILOT_SCOPES": "octo-org"}, ["'octo-org' is not a scope", "org:NAME"]),
        ({"COPILOT_SCOPES": "org:octo org"}, ["'org:octo org' is not a scope"]),
        ({"COPILOT_SCOPES": "team:octo-org"}, ["team:ACCOUNT/TEAM-SLUG"]),
        ({"COPILOT_START_DATE": "1.1.2026"}, ["COPILOT_START_DATE is '1.1.2026'", "YYYY-MM-DD"]),
        ({"COPILOT_START_DATE": (today_utc() + timedelta(days=1)).isoformat()}, ["has not closed in UTC yet"]),
        ({"COPILOT_LOOKBACK_DAYS": "0"}, ["COPILOT_LOOKBACK_DAYS is '0'", "1 to 365"]),
        ({"COPILOT_LEGACY_API": "maybe"}, ["COPILOT_LEGACY_API is 'maybe'", "on or off"]),
        ({"GITHUB_API_URL": "api.github.com"}, ["GITHUB_API_URL is 'api.github.com'", "https"]),
        ({"GITHUB_API_URL": "http://example.com"}, ["not an https address"]),
        ({"COPILOT_WAREHOUSE": "/etc/hostname/x.duckdb"}, ["COPILOT_WAREHOUSE is /etc/hostname/x.duckdb"]),
    ],
)
def test_a_setting_that_cannot_be_used(change: dict[str, str], words: list[str]) -> None:
    env = {name: value for name, value in {**GOOD, **change}.items() if value}
    with pytest.raises(SettingsError) as problem:
        Settings.from_env(env)
    for word in words:
        assert word in str(problem.value)


def test_every_problem_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as problem:
        Settings.from_env({"COPILOT_LEGACY_API": "x"})
    assert len(str(problem.value).splitlines()) == 3


def test_a_folder_is_no_warehouse(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="it is a folder"):
        Settings.from_env({**GOOD, "COPILOT_WAREHOUSE": str(tmp_path)})


def test_dotenv_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("GITHUB_TOKEN=from-file\nCOPILOT_SCOPES=org:a,org:b\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    monkeypatch.setenv("COPILOT_SCOPES", "enterprise:c")
    settings = Settings.from_env()
    assert settings.token == "from-file"
    assert [str(scope) for scope in settings.scopes] == ["enterprise:c"]


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("org:Octo-Org", "org:octo-org"),
        (" enterprise:octo-corp ", "enterprise:octo-corp"),
        ("team:octo-org/Core.Team", "team:octo-org/core.team"),
        ("enterprise-team:octo-corp/ent:core", "enterprise-team:octo-corp/ent:core"),
    ],
)
def test_scopes_are_read_and_printed(text: str, printed: str) -> None:
    assert str(Scope.parse(text)) == printed


@pytest.mark.parametrize(
    "text", ["org:", "org:a/b", "org:a b", "org:../x", "team:a/", "company:a", "org:a?x=1", "org:-"]
)
def test_what_is_no_scope(text: str) -> None:
    with pytest.raises(ScopeError):
        Scope.parse(text)
