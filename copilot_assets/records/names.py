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
        number before its family or after it. The bill writes the names that people see.
"""

from __future__ import annotations

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

# `default` is the model of the legacy API that is no custom one.
_MODELS: Final = """
    auto default others unknown
    claude-3.5-sonnet claude-3.7-sonnet claude-3.7-sonnet-thought claude-haiku-4.5 claude-opus-4 claude-opus-4.1
    claude-opus-4.5 claude-opus-4.6 claude-opus-4.6-1m claude-opus-4.7 claude-sonnet-4 claude-sonnet-4.5
    claude-sonnet-4.6
    gemini-2.0-flash gemini-2.5-pro gemini-3-flash gemini-3-pro gemini-3.1-pro grok-code-fast-1 raptor-mini
    gpt-3.5-turbo gpt-4 gpt-4.1 gpt-4o gpt-4o-mini gpt-5 gpt-5-codex gpt-5-mini gpt-5.1 gpt-5.1-codex gpt-5.1-codex-max
    gpt-5.1-codex-mini gpt-5.2 gpt-5.2-codex gpt-5.3-codex gpt-5.4 gpt-5.4-mini o1 o1-mini o3 o3-mini o4-mini
"""
_MODEL_ALIASES: Final[_Aliases] = {
    "claude-3.5-sonnet": ("Claude Sonnet 3.5",),
    "claude-3.7-sonnet": ("Claude Sonnet 3.7",),
    "claude-haiku-4.5": ("claude-4.5-haiku", "Claude Haiku 4.5"),
    "claude-opus-4": ("claude-4-opus", "Claude Opus 4"),
    "claude-opus-4.1": ("claude-4.1-opus", "Claude Opus 4.1"),
    "claude-opus-4.5": ("claude-4.5-opus", "Claude Opus 4.5"),
    "claude-opus-4.6": ("claude-4.6-opus", "Claude Opus 4.6"),
    "claude-opus-4.7": ("claude-4.7-opus", "Claude Opus 4.7"),
    "claude-sonnet-4": ("claude-4-sonnet", "Claude Sonnet 4"),
    "claude-sonnet-4.5": ("claude-4.5-sonnet", "Claude Sonnet 4.5"),
    "claude-sonnet-4.6": ("claude-4.6-sonnet", "Claude Sonnet 4.6"),
    "gemini-2.0-flash": ("gemini-2.0-flash-001", "Gemini 2.0 Flash"),
    "gemini-2.5-pro": ("Gemini 2.5 Pro",),
    "gemini-3-flash": ("gemini-3-flash-preview", "Gemini 3 Flash"),
    "gemini-3-pro": ("gemini-3-pro-preview", "Gemini 3 Pro"),
    "gemini-3.1-pro": ("gemini-3.1-pro-preview", "Gemini 3.1 Pro"),
    "gpt-4.1": ("GPT-4.1",),
    "gpt-4o": ("GPT-4o",),
    "gpt-5": ("GPT-5",),
    "gpt-5-codex": ("GPT-5-Codex",),
    "gpt-5-mini": ("GPT-5 mini",),
    "gpt-5.1": ("GPT-5.1",),
    "gpt-5.1-codex": ("GPT-5.1-Codex",),
    "gpt-5.1-codex-max": ("GPT-5.1-Codex-Max",),
    "gpt-5.1-codex-mini": ("GPT-5.1-Codex-Mini",),
    "gpt-5.2": ("GPT-5.2",),
    "gpt-5.2-codex": ("GPT-5.2-Codex",),
    "gpt-5.3-codex": ("GPT-5.3-Codex",),
    "gpt-5.4": ("GPT-5.4",),
    "gpt-5.4-mini": ("GPT-5.4 mini",),
    "grok-code-fast-1": ("Grok Code Fast 1",),
    "others": ("Others",),
    "raptor-mini": ("Raptor mini",),
    "unknown": ("Unknown",),
}


def _names(names: str, aliases: _Aliases) -> dict[str, str]:
    """Value to name: every name by itself, and what else GitHub calls it."""
    return {name: name for name in names.split()} | {
        value: name for name, values in aliases.items() for value in values
    }


# Kind to value as GitHub sends it to the name it goes by. Features are GitHub's own list and have no aliases.
NAMES: Final[dict[str, dict[str, str]]] = {
    "feature": _names(_FEATURES, {}),
    "ide": _names(_IDES, _IDE_ALIASES),
    "language": _names(_LANGUAGES, _LANGUAGE_ALIASES),
    "model": _names(_MODELS, _MODEL_ALIASES),
}


def aliases(kind: str) -> dict[str, str]:
    """The values of a kind that go by another name than themselves."""
    return {value: name for value, name in NAMES[kind].items() if value != name}
