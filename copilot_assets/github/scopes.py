"""Scopes: whom a number is about.

Parsing and printing of `enterprise:octo-corp`, `org:octo-org`, `team:octo-org/core`, `enterprise-team:octo-corp/core`
belongs here; which report covers which kind of scope is said in `reports.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

# GitHub: letters, digits and single hyphens; EMU logins add `_shortcode`, enterprise team slugs begin with `ent:`.
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"
_SLUG = r"(?:ent:)?[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"


class ScopeKind(StrEnum):
    """The four kinds of account that GitHub publishes Copilot numbers about."""

    ENTERPRISE = "enterprise"
    ORG = "org"
    TEAM = "team"
    ENTERPRISE_TEAM = "enterprise-team"

    @property
    def is_team(self) -> bool:
        """Team scopes exist in the legacy metrics alone."""
        return self in (ScopeKind.TEAM, ScopeKind.ENTERPRISE_TEAM)


class ScopeError(ValueError):
    """A scope that is not written as `kind:name`; the message says what to write."""


@dataclass(frozen=True, order=True)
class Scope:
    """One scope: its kind, the account's login or slug in lower case, and the team's slug for team scopes."""

    kind: ScopeKind
    account: str
    team: str | None = None

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Read `kind:account` or `kind:account/team`; names are case-insensitive at GitHub and kept in lower case.

        Raises:
            ScopeError: the text is none of the four forms.

        """
        kind_text, _, name = text.strip().partition(":")
        try:
            kind = ScopeKind(kind_text.lower())
        except ValueError:
            raise ScopeError(
                f"'{text}' is not a scope. Write org:NAME or enterprise:SLUG "
                "(or, for the legacy metrics only, team:ORG/SLUG or enterprise-team:ENTERPRISE/SLUG)."
            ) from None
        pattern = rf"({_NAME})/({_SLUG})" if kind.is_team else rf"({_NAME})"
        match = re.fullmatch(pattern, name)
        if match is None:
            form = f"{kind}:ACCOUNT/TEAM-SLUG" if kind.is_team else f"{kind}:NAME"
            raise ScopeError(
                f"'{text}' is not a scope. Write it as {form}, with the name as it stands in its GitHub address."
            )
        parts = [part.lower() for part in match.groups()]
        return cls(kind, *parts)

    def __str__(self) -> str:
        return f"{self.kind}:{self.account}" + (f"/{self.team}" if self.team else "")
