"""The values of GitHub's that this project knows, and the one name that each of them goes by.

IDEs, languages, models and features belong here, as plain data; what is done with them is in `flat/rows.py` and
`flat/refresh.py`. A value that stands here nowhere is no error: it goes by itself, and `quality.schema_drift` shows it.

Sources:
    features, IDEs: GitHub Docs, "Data available in Copilot usage metrics" (June 2026), and the changelog of 2026-03-02
        (plan mode), 2026-04-10 (CLI) and 2026-07-28 (app). The capped rest is `others` everywhere. Legacy editors:
        GitHub's OpenAPI and files of that API.
    languages: VS Code Docs, "Language Identifiers" (2026), and ids that widespread extensions declare; `chatagent`,
        `prompt` and the like are no languages, but what VS Code calls the files that people write for Copilot. Vim's
        plugin sends Vim's own file types, and files of 2026 hold short forms such as `c#`, `ts` and `pwsh`.
    models: GitHub Docs, "Supported AI models in GitHub Copilot" (2026), and files of 2026, where a Claude 4 has its
        number before its family or after it, and other case and `.0` occur. The bill writes the names that people see.
        New ones come every month, so that they get their names by rule; the list tells which are known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# Of a kind: the names, and of some names what else GitHub calls them.
_Aliases = Mapping[str, tuple[str, ...]]

_FEATURES: Final = """
    agent_edit chat_inline chat_panel_agent_mode chat_panel_ask_mode chat_panel_custom_mode chat_panel_edit_mode
    chat_panel_plan_mode chat_panel_unknown_mode code_completion copilot_app copilot_cli others
"""

# `jetbrains` is what the legacy API calls the IDEs of that house and `intellij` what the reports do; nobody says that
# both count the same IDEs, so each keeps its name.
_IDES: Final = """
    azuredatastudio eclipse emacs intellij jetbrains neovim others ssms unknown vim visualstudio vscode xcode zed
"""
_IDE_ALIASES: Final[_Aliases] = {
    "azuredatastudio": ("AzureDataStudio",),
    "eclipse": ("Eclipse",),
    "emacs": ("Emacs",),
    "jetbrains": ("JetBrains",),
    "neovim": ("Neovim",),
    "others": ("Others",),
    "ssms": ("SSMS",),
    "unknown": ("Unknown",),
    "vim": ("Vim",),
    "visualstudio": ("VisualStudio", "visual-studio"),
    "xcode": ("Xcode",),
}

_LANGUAGES: Final = """
    abap ada ansible apex asm astro awk bat bazel bibtex bicep blade c clojure cmake cobol code-text-binary coffeescript
    cpp crystal csharp css csv cuda-cpp cypher d dart diff dockercompose dockerfile dotenv ejs elixir elm erb erlang
    fortran fsharp gdscript git-commit git-rebase github-actions-workflow glsl go go.mod go.sum gotmpl graphql groovy
    haml handlebars haskell hcl helm hlsl html http ini java javascript javascriptreact jinja json json5 jsonc jsonl
    jsonnet jsp julia jupyter kotlin latex less liquid lisp lua makefile markdown matlab mdx mermaid nginx nim nix
    objective-c objective-cpp ocaml pascal perl php plantuml plsql powershell prisma properties protobuf pug puppet
    purescript python qml r raku razor reason restructuredtext robotframework ruby rust sas sass scala scheme scss
    shaderlab shellscript slim solidity sql stylus svelte svg swift systemverilog tcl terraform terraform-vars tex
    thrift toml tsv twig typescript typescriptreact vb verilog vhdl viml vue vue-html wat wgsl xaml xml xsl yaml zig
    chatagent ignore instructions log others plaintext prompt search-result skill snippets unknown
"""
_LANGUAGE_ALIASES: Final[_Aliases] = {
    "asm": ("assembly",),
    "bat": ("batch", "cmd", "dosbatch"),
    "cpp": ("c++",),
    "csharp": ("c#", "cs"),
    "cuda-cpp": ("cuda",),
    "dockerfile": ("docker",),
    "dotenv": ("env",),
    "fsharp": ("f#",),
    "git-commit": ("gitcommit",),
    "git-rebase": ("gitrebase",),
    "go": ("golang",),
    "go.mod": ("gomod",),
    "go.sum": ("gosum",),
    "ignore": ("gitignore",),
    "ini": ("dosini",),
    "javascript": ("js",),
    "javascriptreact": ("javascript.jsx", "jsx"),
    "makefile": ("make",),
    "markdown": ("md",),
    "objective-c": ("objc",),
    "objective-cpp": ("objcpp",),
    "others": ("Others",),
    "plaintext": ("text",),
    "plantuml": ("puml",),
    "powershell": ("ps1", "pwsh"),
    "protobuf": ("proto", "proto3"),
    "pug": ("jade",),
    "python": ("py",),
    "raku": ("perl6",),
    "razor": ("aspnetcorerazor", "cshtml", "html+razor"),
    "restructuredtext": ("rst",),
    "ruby": ("rb",),
    "rust": ("rs",),
    "shellscript": ("bash", "sh", "shell", "zsh"),
    "typescript": ("ts",),
    "typescriptreact": ("tsx", "typescript.tsx"),
    "unknown": ("Unknown",),
    "vb": ("vb.net",),
    "viml": ("vim",),
    "yaml": ("yml",),
}

# `default` is the model of the legacy API that is no custom one; the last two are what GitHub bills its own agents as.
_MODELS: Final = """
    auto default others unknown
    claude-3.5-sonnet claude-3.7-sonnet claude-3.7-sonnet-thought claude-haiku-4.5 claude-opus-4 claude-opus-4.1
    claude-opus-4.5 claude-opus-4.6 claude-opus-4.6-1m claude-opus-4.7 claude-sonnet-4 claude-sonnet-4.5
    claude-sonnet-4.6
    gemini-2-flash gemini-2.5-pro gemini-3-flash gemini-3-pro gemini-3.1-pro grok-code-fast-1 raptor-mini
    gpt-3.5-turbo gpt-4 gpt-4.1 gpt-4o gpt-4o-mini gpt-5 gpt-5-codex gpt-5-mini gpt-5.1 gpt-5.1-codex gpt-5.1-codex-max
    gpt-5.1-codex-mini gpt-5.2 gpt-5.2-codex gpt-5.3-codex gpt-5.4 gpt-5.4-mini o1 o1-mini o3 o3-mini o4-mini
    code-review-model coding-agent-model
"""
# What the bill writes before a model that GitHub's automatic selection chose; the reports name that model alone.
AUTO: Final = "auto:"
# How far along a model is, how fast it was run and which snapshot of it: the reports tell none of it apart.
_SUFFIXES: Final = re.compile(r"( *\((preview|fast mode)\)|-preview|-\d{3}|-\d{4}-\d{2}-\d{2})+$")
_POINT_ZERO: Final = re.compile(r"(?<![\d.])(\d+)\.0(?![\d.])")
_CLAUDE: Final = re.compile(
    r"claude-((?P<number_first>\d[\d.]*)-(?P<family>[a-z]+)|(?P<family_first>[a-z]+)-(?P<number>\d[\d.]*))(?P<rest>-.*)?"
)


def model_name(value: str) -> str:
    """The one name of a model, by rule: lower case with hyphens, without `Auto:`, `(preview)` and its like, and `.0`.

    A Claude has its number after its family from 4 on and before it up to 3, as GitHub writes most of them.
    """
    name = value.strip().lower().removeprefix(AUTO)
    name = "-".join(_SUFFIXES.sub("", name).split())
    name = _POINT_ZERO.sub(r"\1", name)
    if claude := _CLAUDE.fullmatch(name):
        number, family = claude["number_first"] or claude["number"], claude["family"] or claude["family_first"]
        is_old = int(number.split(".")[0]) < 4
        name = f"claude-{number}-{family}" if is_old else f"claude-{family}-{number}"
        name += claude["rest"] or ""
    return name


def _names(names: str, aliases: _Aliases) -> dict[str, str]:
    """Value to name: every name by itself, and what else GitHub calls it."""
    return {name: name for name in names.split()} | {
        value: name for name, values in aliases.items() for value in values
    }


# Kind to value as GitHub sends it to the name it goes by. Features are GitHub's own list and have no aliases, models
# have theirs by rule.
NAMES: Final[dict[str, dict[str, str]]] = {
    "feature": _names(_FEATURES, {}),
    "ide": _names(_IDES, _IDE_ALIASES),
    "language": _names(_LANGUAGES, _LANGUAGE_ALIASES),
    "model": _names(_MODELS, {}),
}


def name_of(kind: str, value: str) -> str:
    """The one name that a value goes by: of a model by rule, of anything else by `NAMES`, or itself."""
    return model_name(value) if kind == "model" else NAMES[kind].get(value, value)


def aliases(kind: str) -> dict[str, str]:
    """The values of a kind that go by another name than themselves, as far as they are listed."""
    return {value: name for value, name in NAMES[kind].items() if value != name}
