"""The names that GitHub's values go by: aliases worked out by hand, and a table that agrees with itself."""

import pytest

from copilot_assets.records.names import NAMES, aliases


@pytest.mark.parametrize(
    ("kind", "name", "values"),
    [
        ("language", "csharp", ["csharp", "c#"]),
        ("language", "typescript", ["typescript", "ts"]),
        ("language", "powershell", ["powershell", "pwsh"]),
        ("language", "shellscript", ["shellscript", "shell", "bash"]),
        ("language", "plaintext", ["plaintext", "text"]),
        ("language", "unknown", ["unknown", "Unknown"]),
        ("model", "claude-haiku-4.5", ["claude-haiku-4.5", "claude-4.5-haiku", "Claude Haiku 4.5"]),
        ("model", "claude-sonnet-4.6", ["claude-sonnet-4.6", "claude-4.6-sonnet", "Claude Sonnet 4.6"]),
        ("model", "gpt-5.4", ["gpt-5.4", "GPT-5.4"]),
        ("ide", "jetbrains", ["jetbrains", "JetBrains"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_github_calls_by_several_names_has_one(kind: str, name: str, values: list[str]) -> None:
    assert {NAMES[kind].get(value) for value in values} == {name}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        # Related, but not the same: who adds them up should know it.
        ("language", ["javascript", "javascriptreact", "typescript", "typescriptreact", "json", "jsonc", "c", "cpp"]),
        ("language", ["chatagent", "prompt", "instructions", "skill", "log", "ignore", "others", "unknown"]),
        ("model", ["gpt-5", "gpt-5-mini", "gpt-5-codex", "claude-opus-4.6", "claude-opus-4.6-1m", "auto", "default"]),
        ("ide", ["vscode", "visualstudio", "intellij", "jetbrains", "others"]),
    ],
)
def test_different_things_keep_different_names(kind: str, values: list[str]) -> None:
    assert {value: NAMES[kind].get(value) for value in values} == {value: value for value in values}


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_goes_by_itself(kind: str) -> None:
    assert {name: NAMES[kind].get(name) for name in NAMES[kind].values()} == {
        name: name for name in NAMES[kind].values()
    }
    assert not set(aliases(kind)) & set(NAMES[kind].values())


@pytest.mark.parametrize("kind", NAMES)
def test_case_makes_no_other_thing(kind: str) -> None:
    """Of two spellings that differ in case alone, both go by one name."""
    spelt: dict[str, set[str]] = {}
    for value, name in NAMES[kind].items():
        spelt.setdefault(value.lower(), set()).add(name)
    assert {value: names for value, names in spelt.items() if len(names) > 1} == {}


def test_features_are_githubs_own_list() -> None:
    assert aliases("feature") == {}
    assert {"code_completion", "chat_panel_plan_mode", "agent_edit", "copilot_cli", "copilot_app", "others"} <= set(
        NAMES["feature"]
    )
    assert "cloud_agent" not in NAMES["feature"], "a word of the 28-day report alone"
