"""All bodies that use pytest, and since which pytest they end as they do now."""

from __future__ import annotations

import nearly
import snippets

# Pytest has changed these: since which version it says what it says now.
SINCE = {
    "8.4": {
        "approx": "bool decimal-tolerances reprs reprs-tolerances sequences-reprs",
        "raises": "check check-alone check-false check-raises match-bad match-empty match-escaped match-escapes match-long match-several-lines match-shorter match-spaces match-whole no-arguments no-classes none-at-all repr standalone",
        "warns": "class-number exits odd-message skips twice",
    },
    "9.0": {
        "groups": "group-match notes",
        "raises": "class-in-tuple class-instance class-number class-wrong excinfo-match excinfo-match-literal match-compiled match-flags match-lines match-literal match-none",
    },
    "9.1": {
        "approx": "spans spans-rel spans-rel-nan spans-rel-negative times times-abs times-abs-negative times-in times-nan times-none times-rel",
        "raises": "called-none cause none none-of-one none-of-several",
        "warns": "match-literal match-none",
    },
    "9.2": {
        "approx": "abs-text abs-time decimal decimal-float decimal-float-in decimal-odd nested-in-dict rel-of-text rel-text spans-rel-inf",
        "raises": "exconly-assert",
    },
}
_TABLES = {
    "outcomes": ("", snippets.OUTCOMES),
    "raises": ("", snippets.RAISES),
    "warns": (snippets.WARN, snippets.WARNS),
    "approx": (nearly.VALUES, nearly.APPROX),
}
_GROUPS = {"groups": ("", snippets.GROUPS)}


def bodies(pytest_version: tuple[int, int], python_version: tuple[int, int]) -> dict[str, str]:
    """Give those that end alike with this pytest, and that this Python can run: its source by the name of each."""
    tables = {**_TABLES, **(_GROUPS if python_version >= (3, 11) else {})}
    later = {
        f"{kind} {name}"
        for since, changed in SINCE.items()
        if tuple(map(int, since.split("."))) > pytest_version
        for kind, names in changed.items()
        for name in names.split()
    }
    found = {f"{kind} {name}": start + body for kind, (start, table) in tables.items() for name, body in table.items()}
    return {name: body for name, body in found.items() if name not in later}
