"""Every setting that can't be used is said in a sentence that names it and what to write."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from copilot_assets.github.credentials import App, Token
from copilot_assets.github.reports import REPORTS
from copilot_assets.github.scopes import Scope, ScopeError, ScopeKind
from copilot_assets.orchestration.installation import Installation
from copilot_assets.settings import (
    Settings,
    SettingsError,
    environment,
    events_path,
    keep_raw_days,
    min_cohort,
    plan_credits,
    plan_prices,
    seat_grace_days,
)
from tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("fixed_clock")

GOOD = {"GITHUB_TOKEN": "secret-token", "COPILOT_SCOPES": "org:octo-org", "COPILOT_WAREHOUSE": "x.duckdb"}


def test_four_lines_are_enough() -> None:
    settings = Settings.from_env({**GOOD, "COPILOT_START_DATE": "2026-01-01"})
    assert settings.scopes == (Scope(ScopeKind.ORG, "octo-org"),)
    assert settings.start_date == date(2026, 1, 1)
    assert settings.api_url == "https://api.github.com"
    assert settings.lookback_days == 4
    assert settings.legacy_api is False
    assert settings.skip_reports == frozenset()
    assert settings.credentials == Token("secret-token")


@pytest.mark.parametrize(
    ("text", "days"), [(None, None), ("off", None), ("OFF", None), ("100", 100), ("10000", 10_000)]
)
def test_text_is_kept_for_ever_unless_it_is_said_for_how_long(text: str | None, days: int | None) -> None:
    assert keep_raw_days({"COPILOT_KEEP_RAW_DAYS": text} if text else {}) == days


def test_the_token_is_not_shown() -> None:
    assert "secret-token" not in repr(Settings.from_env(GOOD))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"GITHUB_TOKEN": ""}, ["GITHUB_TOKEN is not set", "GITHUB_APP_ID", "copilot-assets demo"]),
        ({"GITHUB_TOKEN": "abc def"}, ["GITHUB_TOKEN holds a character"]),
        ({"COPILOT_SCOPES": ""}, ["COPILOT_SCOPES is not set", "org:octo-org"]),
        ({"COPILOT_SCOPES": "octo-org"}, ["'octo-org' is not a scope", "org:NAME"]),
        ({"COPILOT_SCOPES": "org:octo org"}, ["'org:octo org' is not a scope"]),
        ({"COPILOT_SCOPES": "team:octo-org"}, ["team:ACCOUNT/TEAM-SLUG"]),
        ({"COPILOT_START_DATE": "1.1.2026"}, ["COPILOT_START_DATE is '1.1.2026'", "YYYY-MM-DD"]),
        ({"COPILOT_START_DATE": (NOW.date() + timedelta(days=1)).isoformat()}, ["has not closed in UTC yet"]),
        ({"COPILOT_LOOKBACK_DAYS": "0"}, ["COPILOT_LOOKBACK_DAYS is '0'", "1 to 365"]),
        ({"COPILOT_KEEP_RAW_DAYS": "99"}, ["COPILOT_KEEP_RAW_DAYS is '99'", "100 to 10000"]),
        ({"COPILOT_KEEP_LOGS_DAYS": "0"}, ["COPILOT_KEEP_LOGS_DAYS is '0'", "1 to 10000"]),
        ({"COPILOT_DAYS_PER_RUN": "0"}, ["COPILOT_DAYS_PER_RUN is '0'", "whole number of days from 1 to 10000"]),
        ({"COPILOT_LEGACY_API": "maybe"}, ["COPILOT_LEGACY_API is 'maybe'", "on or off"]),
        ({"GITHUB_API_URL": "api.github.com"}, ["GITHUB_API_URL is 'api.github.com'", "https"]),
        ({"GITHUB_API_URL": "http://example.com"}, ["not an https address"]),
        ({"COPILOT_SKIP_REPORTS": "users-1-day, teams"}, ["names teams, which", "There are: ", "users-1-day"]),
    ],
)
def test_a_setting_that_cannot_be_used(change: dict[str, str], words: list[str]) -> None:
    env = {name: value for name, value in {**GOOD, **change}.items() if value}
    with pytest.raises(SettingsError) as problem:
        Settings.from_env(env)
    for word in words:
        assert word in str(problem.value)


@pytest.mark.parametrize(
    ("read", "name", "text", "words"),
    [
        *(
            (min_cohort, "COPILOT_MIN_COHORT", text, "Write a whole number of people from 1 to 1000.")
            for text in ("0", "1001", "-5", "five", "5.0", "٥", "1 000")
        ),
        *(
            (seat_grace_days, "COPILOT_SEAT_GRACE_DAYS", text, "Write a whole number of days from 0 to 365.")
            for text in ("366", "-1", "30d")
        ),
        *(
            (keep_raw_days, "COPILOT_KEEP_RAW_DAYS", text, "Write a whole number of days from 100 to 10000.")
            for text in ("99", "10001", "0", "on", "-100", "100.5")
        ),
        (
            plan_prices,
            "COPILOT_PLAN_PRICES",
            "business=19,Business=21",
            "gives business two prices. Keep the one that",
        ),
        *(
            (plan_prices, "COPILOT_PLAN_PRICES", text, f"of which '{entry}' is no plan with a price. Write US dollars")
            for text, entry in (
                ("19", "19"),
                ("business=19, enterprise", "enterprise"),
                ("business=19,", ""),
                ("=19", "=19"),
                ("business=", "business="),
                ("business=$19", "business=$19"),
                ("business=-1", "business=-1"),
                ("business=19.", "business=19."),
                ("business=1e3", "business=1e3"),
                ("business=١٩", "business=١٩"),
                ("business:19", "business:19"),
            )
        ),
        (events_path, "COPILOT_EVENTS", "/nowhere/events.csv", "and there is no such file. Write one with the columns"),
        (events_path, "COPILOT_EVENTS", "/", "and there is no such file."),
    ],
)
def test_what_the_models_are_given_that_cannot_be_used(
    read: Callable[[dict[str, str]], object], name: str, text: str, words: str
) -> None:
    with pytest.raises(SettingsError) as problem:
        read({name: text})
    assert f"{name} is " in str(problem.value)
    assert text in str(problem.value)
    assert words in str(problem.value)


@pytest.mark.parametrize(
    ("read", "env", "value"),
    [
        (min_cohort, {}, 5),
        (min_cohort, {"COPILOT_MIN_COHORT": "1"}, 1),
        (min_cohort, {"COPILOT_MIN_COHORT": "1000"}, 1000),
        (seat_grace_days, {}, 30),
        (seat_grace_days, {"COPILOT_SEAT_GRACE_DAYS": "0"}, 0),
        (seat_grace_days, {"COPILOT_SEAT_GRACE_DAYS": "365"}, 365),
        (plan_prices, {}, {"business": 19.0, "enterprise": 39.0}),
        (plan_credits, {}, {"business": 1900, "enterprise": 3900}),
        (plan_credits, {"COPILOT_PLAN_CREDITS": "Business=300, edu = 0"}, {"business": 300, "edu": 0}),
        # What is set takes the place of the list, so that a plan that is left out has no price.
        (plan_prices, {"COPILOT_PLAN_PRICES": " Business = 16.50,edu=0"}, {"business": 16.5, "edu": 0.0}),
    ],
)
def test_what_the_models_are_given(
    read: Callable[[dict[str, str]], object], env: dict[str, str], value: object
) -> None:
    assert read(env) == value


@pytest.mark.parametrize(("text", "names"), [("", set()), (" users-1-day ,", {"users-1-day"})])
def test_reports_to_skip(text: str, names: set[str]) -> None:
    assert Settings.from_env({**GOOD, "COPILOT_SKIP_REPORTS": text}).skip_reports == names


def test_the_sentence_about_reports_names_every_one() -> None:
    with pytest.raises(SettingsError) as problem:
        Settings.from_env({**GOOD, "COPILOT_SKIP_REPORTS": "x"})
    assert not [report.name for report in REPORTS if report.name not in str(problem.value)]


# ----------------------------------------------------------------------------------------------- a token in a file


def in_file(path: Path, **env: str) -> dict[str, str]:
    return {**env, "GITHUB_TOKEN_PATH": str(path), "COPILOT_SCOPES": "org:octo-org"}


@pytest.mark.parametrize("text", ["secret-token", "secret-token\n", " secret-token\r\n"])
def test_a_token_in_a_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "the token"
    path.write_bytes(text.encode())
    settings = Settings.from_env(in_file(path))
    assert settings.credentials == Token("secret-token")
    assert "secret-token" not in repr(settings)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "which can't be read: No such file or directory. Set it to a file that holds the token alone."),
        (b"", "which is empty. Set it to a file that holds the token alone."),
        (b" \n", "which is empty."),
        (b"secret-token\nsecret-other", "which holds a character that no token has"),
        (b"GITHUB_TOKEN = secret-token", "which holds a character that no token has"),
        (b"\xff\xfe\x00secret-token", "which is no text."),
    ],
)
def test_a_file_of_a_token_that_cannot_be_used(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError) as problem:
        Settings.from_env(in_file(path))
    assert str(problem.value).startswith(f"GITHUB_TOKEN_PATH is {path}, {words}")
    assert "secret" not in str(problem.value)
    assert problem.value.__cause__ is None


def test_a_folder_in_place_of_the_file_of_a_token(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="which can't be read: Is a directory"):
        Settings.from_env(in_file(tmp_path))


def test_a_token_and_its_file_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret-token")
    with pytest.raises(SettingsError, match="GITHUB_TOKEN and GITHUB_TOKEN_PATH are both set: it is unclear which"):
        Settings.from_env(in_file(tmp_path / "token", GITHUB_TOKEN="other"))
    with pytest.raises(SettingsError, match="GITHUB_TOKEN_PATH is set, and so is GITHUB_APP_ID: it is unclear who"):
        Settings.from_env(in_file(tmp_path / "token", GITHUB_APP_ID="7"))


# -------------------------------------------------------------------------------------------------------- GitHub App

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    form: PrivateFormat = PrivateFormat.TraditionalOpenSSL,
    encryption: KeySerializationEncryption = NoEncryption(),  # noqa: B008  (it has no state)
) -> str:
    return key.private_bytes(Encoding.PEM, form, encryption).decode()


def app_env(**env: str) -> dict[str, str]:
    return {"GITHUB_APP_ID": "1208", "COPILOT_SCOPES": "org:octo-org", "COPILOT_WAREHOUSE": "x.duckdb", **env}


def the_app(**env: str) -> App:
    app = Settings.from_env(app_env(**env)).credentials
    assert isinstance(app, App)
    return app


@pytest.mark.parametrize(
    "text", [pem(RSA_KEY), pem(RSA_KEY).replace("\n", r"\n"), pem(RSA_KEY).strip(), pem(RSA_KEY, PrivateFormat.PKCS8)]
)
def test_an_app_with_its_key_as_text(text: str) -> None:
    app = the_app(GITHUB_APP_PRIVATE_KEY=text)
    assert (app.app_id, app.installation_id) == ("1208", None)
    assert app.private_key.private_numbers() == RSA_KEY.private_numbers()


def test_an_app_with_its_key_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "the app.pem"
    file.write_text(pem(RSA_KEY))
    app = the_app(GITHUB_APP_PRIVATE_KEY_PATH=str(file), GITHUB_APP_ID="Iv23liAbc", GITHUB_APP_INSTALLATION_ID="77")
    assert (app.app_id, app.installation_id) == ("Iv23liAbc", 77)
    assert app.private_key.private_numbers() == RSA_KEY.private_numbers()


def test_an_app_in_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `.env.example` has it: one line in double quotes, which python-dotenv turns into many."""
    one_line = pem(RSA_KEY).replace("\n", r"\n")
    (tmp_path / ".env").write_text(f'GITHUB_APP_ID=1\nGITHUB_APP_PRIVATE_KEY="{one_line}"\nCOPILOT_SCOPES=org:a\n')
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_TOKEN", "COPILOT_SCOPES", "COPILOT_WAREHOUSE"):
        monkeypatch.delenv(name, raising=False)
    assert isinstance(Settings.from_env().credentials, App)


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"GITHUB_TOKEN": "x"}, ["GITHUB_TOKEN is set, and so is GITHUB_APP_ID", "Take GITHUB_TOKEN out"]),
        ({}, ["GITHUB_APP_ID is set without a private key", "Set GITHUB_APP_PRIVATE_KEY_PATH"]),
        ({"GITHUB_APP_ID": "", "GITHUB_APP_PRIVATE_KEY": "x"}, ["GITHUB_APP_PRIVATE_KEY is set without GITHUB_APP_ID"]),
        (
            {"GITHUB_APP_ID": "", "GITHUB_APP_INSTALLATION_ID": "7"},
            ["GITHUB_APP_INSTALLATION_ID is set without GITHUB_APP_ID"],
        ),
        ({"GITHUB_APP_PRIVATE_KEY": "x", "GITHUB_APP_PRIVATE_KEY_PATH": "y"}, ["are both set", "which key to use"]),
        ({"GITHUB_APP_ID": "my app"}, ["GITHUB_APP_ID is 'my app'", "Client ID"]),
        ({"GITHUB_APP_INSTALLATION_ID": "org"}, ["GITHUB_APP_INSTALLATION_ID is 'org'", "take it out"]),
        ({"GITHUB_APP_PRIVATE_KEY_PATH": "/nowhere/app.pem"}, ["is /nowhere/app.pem", "No such file or directory"]),
        ({"GITHUB_APP_PRIVATE_KEY_PATH": "/etc/hostname"}, ["/etc/hostname holds no RSA private key"]),
        ({"GITHUB_APP_PRIVATE_KEY": pem(RSA_KEY)[:500]}, ["GITHUB_APP_PRIVATE_KEY holds no RSA private key", "whole"]),
        (
            {"GITHUB_APP_PRIVATE_KEY": pem(ec.generate_private_key(ec.SECP256R1()))},
            ["GITHUB_APP_PRIVATE_KEY holds no RSA private key"],
        ),
        (
            {"GITHUB_APP_PRIVATE_KEY": pem(RSA_KEY, encryption=BestAvailableEncryption(b"secret"))},
            ["without a password"],
        ),
    ],
)
def test_an_app_that_cannot_be_used(env: dict[str, str], words: list[str]) -> None:
    with pytest.raises(SettingsError) as problem:
        Settings.from_env({name: value for name, value in app_env(**env).items() if value})
    said = str(problem.value)
    assert not [word for word in words if word not in said]
    assert len(said.splitlines()) == 1, "one problem, one sentence"
    assert not [line for line in env.get("GITHUB_APP_PRIVATE_KEY", "").splitlines() if len(line) > 9 and line in said]
    assert problem.value.__cause__ is None


def test_the_private_key_is_not_shown() -> None:
    shown = repr(Settings.from_env(app_env(GITHUB_APP_PRIVATE_KEY=pem(RSA_KEY))))
    assert "1208" in shown
    assert not [line for line in pem(RSA_KEY).splitlines() if line in shown]
    assert "RSAPrivateKey" not in shown


# ------------------------------------------------------------------------------------------------------ all together


def test_every_problem_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as problem:
        Settings.from_env({"COPILOT_LEGACY_API": "x"})
    assert len(str(problem.value).splitlines()) == 3


def test_a_database_that_cannot_be_written_is_said_with_the_rest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"COPILOT_WAREHOUSE is /etc/hostname/x\.duckdb, which can't be written: "):
        Installation({**GOOD, "COPILOT_WAREHOUSE": "/etc/hostname/x.duckdb"}).settings()
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="it is a folder"):
        Installation({**GOOD, "COPILOT_WAREHOUSE": str(tmp_path)}).settings()
    with pytest.raises(SettingsError, match="file is not a folder") as problem:
        Installation({"GITHUB_TOKEN": "t", "COPILOT_WAREHOUSE": str(tmp_path / "file" / "a.duckdb")}).settings()
    assert [line.split()[0] for line in str(problem.value).splitlines()] == ["COPILOT_SCOPES", "COPILOT_WAREHOUSE"]


def test_dotenv_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("GITHUB_TOKEN=from-file\nCOPILOT_SCOPES=org:a,org:b\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    monkeypatch.setenv("COPILOT_SCOPES", "enterprise:c")
    settings = Settings.from_env()
    assert settings.credentials == Token("from-file")
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


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_dotenv_that_is_not_utf_8_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes("GITHUB_TOKEN=ä\n".encode(encoding))
    with pytest.raises(SettingsError, match=r"\.env is not text in UTF-8\. Save it as UTF-8"):
        environment()


def test_a_dotenv_with_a_byte_order_mark_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("COPILOT_MIN_COHORT=7\n", encoding="utf-8-sig")
    assert min_cohort() == 7
