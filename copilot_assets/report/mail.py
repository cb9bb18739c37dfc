"""The report for mail: the five sentences and the charts as pictures, because mail programs draw no SVG.

How it is built stands in `mail.html` beside this file. The numbers are in the page that comes with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from copilot_assets.report.facts import Facts
from copilot_assets.report.findings import ten_findings
from copilot_assets.report.look import png
from copilot_assets.report.page import fill, heading
from copilot_assets.report.sentences import five_sentences


def mail(facts: Facts, others: Sequence[str], made_at: datetime) -> tuple[str, Mapping[str, bytes]]:
    """The HTML of a scope, and the pictures that it names as `cid:FILE`, by file.

    `others` are paragraphs about other scopes.
    """
    findings = [(finding, f"{finding.key}.png" if finding.spec else None) for finding in ten_findings(facts)]
    pictures = {name: png(finding.spec) for finding, name in findings if name and finding.spec}
    title, subtitle = heading(facts)
    page = fill(
        "mail.html",
        made_at,
        facts.unread,
        title=title,
        subtitle=subtitle,
        sentences=[sentence.text for sentence in five_sentences(facts)],
        others=others,
        findings=[
            {"question": finding.question, "title": finding.title, "picture": name, "notes": finding.notes}
            for finding, name in findings
        ],
    )
    return page, pictures
