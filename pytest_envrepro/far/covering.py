"""Measures which lines a body runs, where the environment has coverage, for the process that asks to report them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

# What is measured here is a part of what is measured at all.
_EXPECTED = ["module-not-imported", "module-not-measured", "no-data-collected"]


class Covering:
    """Measures within a block, by coverage's public API (from version 5.3 on).

    Args:
        notes: where it goes: `coverage`, by file: lines, or pairs of them (arcs); None where there is no coverage.
        wanted: whether pairs are asked for (`branch`), and what is measured: `folders` and `packages`.
    """

    def __init__(self, notes: dict[str, Any], wanted: dict[str, Any]) -> None:
        self._notes = notes
        self._wanted = wanted
        self._coverage: Any = None

    def __enter__(self) -> None:
        self._notes["coverage"] = None
        try:
            import coverage  # noqa: PLC0415  # That of the environment, if it has one.
        except ImportError:
            return
        self._coverage = coverage.Coverage(
            data_file=None,
            branch=self._wanted["branch"],
            config_file=False,
            source=self._wanted["folders"],
            source_pkgs=self._wanted["packages"],
        )
        self._coverage.set_option("run:disable_warnings", _EXPECTED)
        self._coverage.start()

    def __exit__(self, *_: object) -> None:
        if self._coverage is None:
            return
        self._coverage.stop()
        data = self._coverage.get_data()
        of = data.arcs if self._wanted["branch"] else data.lines
        # Ours have no files there.
        files = [file for file in data.measured_files() if not file.endswith(">")]
        self._notes["coverage"] = {file: [*(of(file) or ())] for file in files}
