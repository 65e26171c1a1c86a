"""The words that reports for people share, and what is escaped in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_envrepro.outcome import Finding, Result

# At the place of these stands what is asked for. Of others it is what is there: a pin, or something installed.
_AT_THE_DEMAND = frozenset(
    {
        "missing-direct",
        "violated-direct",
        "violated-constraint",
        "missing-transitive",
        "not-installed",
        "wrong-version",
        "wrong-source",
    }
)
_CLAUSE = re.compile(r"[<>]|[=!~]=")
_VERSION = re.compile(r"\d[\w.!+-]*")
# A line that begins so, or holds that, is a command in the log of GitHub Actions; `##vso[` is one of Azure Pipelines,
# and `##teamcity[` of TeamCity.
_COMMAND = re.compile(r"^\s*:(?=:)|#(?=#\w*\[)")


def printable(text: str) -> str:
    """Escape, in one line of text, what a terminal would obey and what the log of a CI would take for a command."""
    if not text.isprintable():
        text = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
    if "::" in text or "##" in text:
        text = _COMMAND.sub(lambda found: f"{found[0][:-1]}\\x{ord(found[0][-1]):02x}", text)
    return text


def fixes(result: Result) -> tuple[str, ...]:
    """Give the commands that mend what counts in a result, each once."""
    found = (finding.fix for finding in result.outcome.findings if finding.counts)
    return tuple(dict.fromkeys(filter(None, found)))


def about(finding: Finding) -> str:
    """Say in short what stands at a finding's place: the requirement that is not met, or a pin that is at fault."""
    if finding.code in ("conflict", "missing-dependency"):
        return finding.expected or ""
    if finding.code in _AT_THE_DEMAND:
        return _requirement(finding.package, finding.expected)
    if finding.code == "unpinned":
        return _requirement(finding.package, finding.actual)
    # Of `wrong-python` it is the Python's version.
    is_version = finding.code != "wrong-python" and _VERSION.fullmatch(finding.actual or "")
    return _requirement(finding.package, finding.actual if is_version else None) if finding.package else ""


def _requirement(name: str | None, what: str | None) -> str:
    """Write a name with a version, with the clauses of a specifier, or with a URL or a path."""
    if not name or not what:
        return name or what or ""
    if _CLAUSE.match(what):
        return f"{name}{what}"
    return f"{name}=={what}" if _VERSION.fullmatch(what) else f"{name} @ {what}"


def where(finding: Finding) -> str:
    """Write the place of a finding: `requirements.in:3`."""
    if finding.file is None:
        return ""
    return f"{finding.file}:{finding.line}" if finding.line else finding.file


def message_of(finding: Finding) -> str:
    """Give the cause, and why it is accepted where it is."""
    if finding.waived is None:
        return finding.message
    until = f" until {finding.waived.until}" if finding.waived.until else ""
    return f"{finding.message} (waived{until}: {finding.waived.reason})"
