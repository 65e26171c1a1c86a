"""Where two texts differ, in lines, as pytest shows it for a failing comparison of strings."""

from __future__ import annotations

_MOST = 42  # Characters at either end that are the same and shown all the same.
_CONTEXT = 10  # So many of them, where there are more.


def differences(actual: str, expected: str, verbosity: int) -> list[str]:
    """Give lines that begin with -, +, ? or a space: `actual` has those with +.

    What is the same at both ends is left out, which a line of its own says, unless `verbosity` is 1 or more.
    """
    from difflib import ndiff  # noqa: PLC0415  # Is needed for a failure alone.

    said: list[str] = []
    if verbosity < 1:
        start = _same(actual, expected)
        if start > _MOST:
            start -= _CONTEXT
            said.append(f"Skipping {start} identical leading characters in diff, use -v to show")
            actual, expected = actual[start:], expected[start:]
        # A place is counted from the end where both are as long; what differs is within what is counted there.
        end = _same(actual[::-1], expected[::-1]) + 1 if actual and len(actual) == len(expected) else 0
        if end > _MOST:
            end -= _CONTEXT
            said.append(f"Skipping {end} identical trailing characters in diff, use -v to show")
            actual, expected = actual[:-end], expected[:-end]
    if actual.isspace() or expected.isspace():
        actual, expected = repr(actual), repr(expected)
        said.append("Strings contain only whitespace, escaping them using repr()")
    lines = ndiff(expected.splitlines(keepends=True), actual.splitlines(keepends=True))
    return said + "\n".join(line.strip("\n") for line in lines).splitlines()


def _same(left: str, right: str) -> int:
    """Count what is the same at the beginning; of texts of which one is the beginning of the other, one less."""
    shorter = min(len(left), len(right))
    return next((at for at in range(shorter) if left[at] != right[at]), max(shorter - 1, 0))
