"""Takes values out of a table of settings, and collects every fault with its key path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Values:
    """Takes values out of a table; what is wrong with one is noted, and something empty stands for it.

    Args:
        prefix: the key path of the table, with a dot at its end: `tool.envrepro.`.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.faults: list[str] = []

    def fault(self, key: str, message: str) -> None:
        """Note what is wrong with the value of a key."""
        self.faults.append(f"{self.prefix}{key}: {message}")

    def known(self, table: Mapping[str, Any], keys: tuple[str, ...], path: str) -> None:
        """Note every key of a table that is none of those that are known."""
        for key in table:
            if key not in keys:
                self.fault(f"{path}{key}", f"unknown key{did_you_mean(key, keys)}")

    def string(self, value: Any, key: str) -> str | None:
        """Give a string, or None where there is none."""
        if value is None or isinstance(value, str):
            return value
        self.fault(key, f"has to be a string, not {kind_of(value)}")
        return None

    def strings(self, value: Any, key: str) -> tuple[str, ...]:
        """Give a list of strings."""
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.fault(key, f"has to be a list of strings, not {kind_of(value)}")
            return ()
        return tuple(value)

    def flag(self, value: Any, key: str) -> bool:
        """Give a boolean."""
        if isinstance(value, bool):
            return value
        self.fault(key, f"has to be true or false, not {kind_of(value)}")
        return False

    def tables(self, value: Any, key: str, read: Callable[[Mapping[str, Any], str], Any]) -> Iterable[Any]:
        """Give what is read of each table of a list, with its key path."""
        if not isinstance(value, list):
            self.fault(key, f"has to be a list of tables, not {kind_of(value)}")
            return
        for index, item in enumerate(value):
            place = f"{key}[{index}]"
            if isinstance(item, dict):
                read_item = read(item, place)
                if read_item is not None:
                    yield read_item
            else:
                self.fault(place, f"has to be a table, not {kind_of(item)}")

    def path(self, value: Any, key: str) -> str | None:
        """Give a path below the root, with forward slashes."""
        text = self.string(value, key)
        if text is None:
            return None
        clean = text.replace("\\", "/").removeprefix("./")
        if clean.startswith(("/", "~")) or ".." in clean.split("/") or not clean:
            self.fault(key, f"has to be a path below the root, not '{text}'")
            return None
        return clean


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give ` (did you mean 'x'?)`, or what there is instead."""
    names = sorted(known)
    if not names:
        return " (there are none)"
    import difflib  # noqa: PLC0415

    close = difflib.get_close_matches(word, names, n=1)
    return f" (did you mean '{close[0]}'?)" if close else f" (known: {', '.join(names)})"


def in_a_line(text: str) -> str:
    """Escape what a line of text cannot show, and nothing else: quotes and backslashes stay as they are."""
    return text if text.isprintable() else "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def kind_of(value: Any) -> str:
    """Name the type of a value of TOML, with the value."""
    names: tuple[tuple[type, str], ...] = (
        (bool, "a boolean"),
        (str, "a string"),
        (int, "an integer"),
        (float, "a float"),
        (list, "a list"),
        (dict, "a table"),
    )
    return next((f"{words} ({value!r})" for kind, words in names if isinstance(value, kind)), repr(value))
