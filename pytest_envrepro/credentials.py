"""Credentials in URLs and texts: whether there are any, and the same text without them."""

from __future__ import annotations

import re

_USER = re.compile(r"(?i)(?P<ssh>ssh)?://(?P<user>[^/\s'\"]+)(?=@)")
_QUERY = re.compile(r"(?P<key>[?&](?P<name>[\w-]+)=)(?!\$\{|\*)[^&\s#'\"]+")
# Where conda has the token of a channel: `https://host/t/tk-123-45ab/channel`.
_TOKEN_IN_PATH = re.compile(r"(://[^/\s]+/t/)(?=[^/\s]*\d)[\w-]{8,}(?=/)")
_SECRET_NAME = re.compile(r"(?i)token|passw|secret|key|sig")
_VARIABLE = r"(?:\$\{\w+\}|\*+)"
_VARIABLES = re.compile(rf"{_VARIABLE}(?::{_VARIABLE}?)?")
_TOKEN = re.compile(
    r"gh[oprsu]_|github_pat_|gl[a-z]{2,6}-|pypi-|dckr_[op]at_|AKIA|ASIA|xox[a-z]-|npm_|sk-|hvs\.|ATATT|ATCTT|ATBB|rpa_"
)
_CHANGES = re.compile(r"(?<=[0-9])[A-Za-z]|(?<=[A-Za-z])[0-9]")
_RANDOM = (20, 5)  # Characters of a user name that may be a secret, and changes between letters and digits within.


def redact(text: str) -> str:
    """Replace the credentials in every URL of a text by `****`, and all else before an `@` that may be one.

    `${VARIABLES}`, the user of `git@` and any user of SSH without a password are none.
    """

    def hide_user(match: re.Match[str]) -> str:
        user = match["user"]
        harmless = user in {"git", "hg"} or (match["ssh"] and ":" not in user) or _VARIABLES.fullmatch(user)
        return match[0] if harmless else f"{match['ssh'] or ''}://****"

    def hide_value(match: re.Match[str]) -> str:
        return f"{match['key']}****" if _SECRET_NAME.search(match["name"]) else match[0]

    return _QUERY.sub(hide_value, _USER.sub(hide_user, _TOKEN_IN_PATH.sub(r"\1****", text)))


def has_credentials(text: str) -> bool:
    """Tell whether a text has a URL with a secret in it; a user name alone is none, unless it is a token."""
    if any(_SECRET_NAME.search(match["name"]) for match in _QUERY.finditer(text)) or _TOKEN_IN_PATH.search(text):
        return True
    return any(_is_secret(match["user"], ssh=match["ssh"] is not None) for match in _USER.finditer(text))


def _is_secret(user_info: str, *, ssh: bool) -> bool:
    user, colon, password = user_info.partition(":")
    if colon and password not in {"", "x-oauth-basic"} and not _VARIABLES.fullmatch(password):
        return True
    if ssh or _VARIABLES.fullmatch(user):
        return False
    if _TOKEN.match(user) or password == "x-oauth-basic":  # noqa: S105  # GitHub's word beside a token.
        return True
    length, changes = _RANDOM
    letters = re.sub(r"[-_.~]|%[0-9A-Fa-f]{2}", "", user)
    return len(letters) >= length and len(_CHANGES.findall(letters)) >= changes
