"""The options of a line in a requirements file, as pip 26 knows them (`pip._internal.req.req_file`).

Most locks have no others than hashes, which `syntax` reads: this is loaded only where there are some.
"""

from __future__ import annotations

import optparse
import re
import shlex
from typing import NoReturn

_HASH = re.compile(r"(\w+):([0-9a-fA-F]+)")
_DIGEST_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_LISTS = {
    "requirements": ("-r", "--requirement"),
    "constraints": ("-c", "--constraint"),
    "editables": ("-e", "--editable"),
    "extra_index_urls": ("--extra-index-url",),
    "find_links": ("-f", "--find-links"),
    "trusted_hosts": ("--trusted-host",),
    "hashes": ("--hash",),
    "config_settings": ("-C", "--config-setting", "--config-settings"),
}
# What says how files are chosen and built, each under its own name; the last two are of pip before 23.1.
_VALUES = (
    *("--no-binary", "--only-binary", "--only-final", "--all-releases", "--use-feature"),
    *("--global-option", "--install-option"),
)
_FLAGS = ("--no-index", "--prefer-binary", "--require-hashes", "--no-require-hashes", "--pre")
_OF_OLD = ("-Z", "--always-unzip")  # Of pip before 22.1, and without any effect long before that.
# Where the values of options are found, by their long names.
_OF_FILES = {
    "--index-url": "index_url",
    "--extra-index-url": "extra_index_urls",
    "--find-links": "find_links",
    "--trusted-host": "trusted_hosts",
    **{option: option for option in _VALUES},
}
# pip takes no notice of them on a line that has no requirement: whoever has written them there meant something.
_ASTRAY = {"--hash": "hashes", "--config-settings": "config_settings"}
_OF_BUILDS = {"--config-settings": "config_settings", **{option: option for option in _VALUES[-2:]}}


class _Parser(optparse.OptionParser):
    """Raises where the stock parser prints and exits."""

    def error(self, msg: str) -> NoReturn:
        raise ValueError(msg)


def _parser() -> _Parser:
    parser = _Parser(add_help_option=False)
    parser.add_option("-i", "--index-url", "--pypi-url", dest="index_url")
    for name, options in _LISTS.items():
        parser.add_option(*options, dest=name, action="append")
    for option in _VALUES:
        parser.add_option(option, dest=option, action="append")
    for flag in _FLAGS:
        parser.add_option(flag, dest=flag, action="store_true")
    parser.add_option(*_OF_OLD, dest="of_old", action="store_true")
    return parser


_PARSER = _parser()


def parse_options(text: str) -> optparse.Values:
    """Parse options; the values of each are a list, or None, under its name in pip, and further words under `rest`.

    Raises:
        ValueError: an unknown option, a missing or a wrong value, or an open quotation.
    """
    values, rest = _PARSER.parse_args(shlex.split(text))
    values.rest = rest
    for value in values.hashes or ():
        _check_hash(value)
    for value in values.config_settings or ():
        if "=" not in value:
            raise ValueError(f"the value of --config-settings has to be KEY=VALUE, not '{value}'")
    return values


def given(values: optparse.Values, *, beside_requirement: bool = False) -> dict[str, tuple[str, ...]]:
    """Give what options say, but for requirements and files: values by the option; a flag, or a further word, has an empty one.

    Args:
        beside_requirement: whether they stand on the line of one: then those count that say how it is built.
    """
    names = _OF_BUILDS if beside_requirement else _OF_FILES | _ASTRAY
    lists = {option: getattr(values, name) or () for option, name in names.items()}
    found = {option: (each,) if isinstance(each, str) else tuple(each) for option, each in lists.items() if each}
    if beside_requirement:
        return found
    flags = [flag for flag in _FLAGS if getattr(values, flag)]
    return found | dict.fromkeys((*flags, *values.rest), ("",))


def _check_hash(value: str) -> None:
    """Raise a ValueError for a hash that can be none: of a kind that pip refuses, or cut short."""
    match = _HASH.fullmatch(value)
    if match is None:
        raise ValueError(f"the hash '{value}' is not of the form ALGORITHM:HEXADECIMAL")
    digits = _DIGEST_LENGTHS.get(match[1])
    if digits is None:
        raise ValueError(f"the hash '{value}' is of a kind that pip refuses: it has to be sha256, sha384 or sha512")
    if len(match[2]) != digits:
        raise ValueError(f"the hash '{value}' has {len(match[2])} digits, {match[1]} has {digits}: it is truncated")
