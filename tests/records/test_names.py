"""The names that GitHub's values go by: aliases worked out by hand, and a table that agrees with itself."""

import pytest

from copilot_assets.records.names import NAMES, aliases, model_name, name_of


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
        ("model", "claude-sonnet-4.6", ["claude-sonnet-4.6", "claude-4.6-sonnet", "Auto: Claude Sonnet 4.6"]),
        ("model", "claude-sonnet-4", ["claude-sonnet-4", "claude-4.0-sonnet", "claude-4-sonnet", "Claude Sonnet 4.0"]),
        ("model", "claude-3.7-sonnet", ["claude-3.7-sonnet", "claude-sonnet-3.7", "Claude Sonnet 3.7"]),
        ("model", "claude-3.7-sonnet-thought", ["claude-3.7-sonnet-thought", "Claude Sonnet 3.7 Thought"]),
        ("model", "claude-opus-4.6-1m", ["claude-opus-4.6-1m", "claude-4.6-opus-1m"]),
        (
            "model",
            "claude-opus-4.8",
            ["Claude Opus 4.8 (fast mode) (preview)", "AUTO: claude-4.8-opus"],
        ),
        ("model", "gpt-5", ["gpt-5", "gpt-5.0", "GPT-5"]),
        ("model", "gpt-5-mini", ["gpt-5-mini", "GPT-5 mini", "gpt-5.0-mini"]),
        ("model", "gpt-5.4", ["gpt-5.4", "GPT-5.4", " GPT-5.4 (Preview)"]),
        ("model", "gpt-4o", ["gpt-4o", "gpt-4o-2024-11-20"]),
        ("model", "gemini-2-flash", ["gemini-2.0-flash", "gemini-2.0-flash-001", "Gemini 2.0 Flash"]),
        ("model", "gemini-3-pro", ["gemini-3-pro", "gemini-3.0-pro", "gemini-3-pro-preview", "Gemini 3 Pro (preview)"]),
        ("model", "code-review-model", ["Code Review model"]),
        ("model", "unknown", ["unknown", "Unknown"]),
        ("ide", "jetbrains", ["jetbrains", "JetBrains"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_github_calls_by_several_names_has_one(kind: str, name: str, values: list[str]) -> None:
    assert {name_of(kind, value) for value in values} == {name}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        # Related, but not the same: who adds them up should know it.
        ("language", ["javascript", "javascriptreact", "typescript", "typescriptreact", "json", "jsonc", "c", "cpp"]),
        ("language", ["chatagent", "prompt", "instructions", "skill", "log", "ignore", "others", "unknown"]),
        ("model", ["gpt-5", "gpt-5-mini", "gpt-5-codex", "claude-opus-4.6", "claude-opus-4.6-1m", "auto", "default"]),
        ("model", ["gpt-5.1", "gpt-51", "gpt-5.10", "gpt-50", "o1", "o1-mini", "claude-opus-4", "claude-opus-4.1"]),
        ("ide", ["vscode", "visualstudio", "intellij", "jetbrains", "others"]),
    ],
)
def test_different_things_keep_different_names(kind: str, values: list[str]) -> None:
    assert {value: name_of(kind, value) for value in values} == {value: value for value in values}


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


@pytest.mark.parametrize("name", NAMES["model"])
def test_the_models_that_are_known_have_the_names_that_the_rule_gives(name: str) -> None:
    assert model_name(name) == name


def test_features_are_githubs_own_list() -> None:
    assert aliases("feature") == {}
    assert {"code_completion", "chat_panel_plan_mode", "agent_edit", "copilot_cli", "copilot_app", "others"} <= set(
        NAMES["feature"]
    )
    assert "cloud_agent" not in NAMES["feature"], "a word of the 28-day report alone"
