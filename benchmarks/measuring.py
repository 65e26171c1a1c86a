"""What all rows share: how a time is taken, how times are compared, and what a line of the table says."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from uv import find_uv_bin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Work = Callable[[], float]  # Does something once, and gives the seconds that it took.

K = TypeVar("K")
T = TypeVar("T")

PROBE = Path(__file__).with_name("probe.py")
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "SYSTEMROOT")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of the table, as it is printed; `met` is None where the design sets no target."""

    work: str
    ours: str
    peers: str = ""
    ratio: str = ""
    target: str = ""
    met: bool | None = None


class Taken(NamedTuple):
    """What a process took: the seconds on the wall, and those of the processor, which its neighbours disturb less."""

    wall: float
    processor: float


def interleaved(runs: int, works: Mapping[K, Callable[[], T]]) -> dict[K, list[T]]:
    """Do all works once a round, each round beginning with another; a first round, which warms caches, is left out."""
    for work in works.values():
        work()
    names = list(works)
    taken: dict[K, list[T]] = {name: [] for name in names}
    for index in range(runs):
        start = index % len(names)
        for name in (*names[start:], *names[:start]):
            taken[name].append(works[name]())
    return taken


def ratio(of: Sequence[float], to: Sequence[float]) -> float:
    """Give the median of the ratios of two works, round by round."""
    return median(one / other for one, other in zip(of, to, strict=True))


@dataclass(frozen=True, kw_only=True, slots=True)
class Extra:
    """What one process takes more than another: medians of the differences, round by round."""

    wall: float
    wall_error: float
    processor: float
    processor_error: float

    @classmethod
    def between(cls, of: Sequence[Taken], to: Sequence[Taken]) -> Extra:
        """Compare two processes."""
        pairs = list(zip(of, to, strict=True))
        wall, wall_error = _median_with_error([one.wall - other.wall for one, other in pairs])
        processor, error = _median_with_error([one.processor - other.processor for one, other in pairs])
        return cls(wall=wall, wall_error=wall_error, processor=processor, processor_error=error)

    def __str__(self) -> str:
        """Write both."""
        on_wall = f"{milliseconds(self.wall)} ± {milliseconds(self.wall_error)}"
        return f"{on_wall} (processor {milliseconds(self.processor)} ± {milliseconds(self.processor_error)})"

    def within(self, target: float) -> bool:
        """Tell whether it is at most so much, by the time on the wall."""
        return self.wall <= target


def _median_with_error(values: Sequence[float]) -> tuple[float, float]:
    """Give the median, and half the width of the interval that holds it in 95 of 100 repetitions (order statistics)."""
    ordered = sorted(values)
    reach = 0.98 * len(ordered) ** 0.5
    low = max(0, int((len(ordered) - 1) / 2 - reach))
    high = min(len(ordered) - 1, int((len(ordered) - 1) / 2 + reach + 1))
    return median(ordered), (ordered[high] - ordered[low]) / 2


def process(
    argv: Sequence[str | os.PathLike[str]], *, cwd: Path, variables: Mapping[str, str] | None = None
) -> Callable[[], Taken]:
    """Give the work of running a program, its start included.

    Raises:
        RuntimeError: when it runs, it fails: it did something else than is measured.
    """

    def work() -> Taken:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        done = _run(argv, cwd, variables)
        wall = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            message = f"{argv} ended with {done.returncode}\n{done.stdout}{done.stderr}"
            raise RuntimeError(message)
        return Taken(wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)

    return work


def wall(work: Callable[[], Taken]) -> Work:
    """Give the same work, of which only the time on the wall counts."""
    return lambda: work().wall


def probed(
    python: Path, *arguments: str, cwd: Path, variables: Callable[[], Mapping[str, str]] = dict, detail: str = ""
) -> Work:
    """Give the work of one of `probe.py`'s measurements, each in a fresh process, which takes the time itself.

    Args:
        python: the interpreter to measure in.
        variables: gives the environment variables of each run.
        detail: what the probe has to say of the result, so that nothing else is measured than is meant.
    """

    def work() -> float:
        done = _run([python, "-I", PROBE, *arguments], cwd, variables())
        seconds, _, said = done.stdout.strip().partition(" ")
        if done.returncode or detail not in said:
            message = f"{arguments} said {said!r}, not {detail!r}\n{done.stderr}"
            raise RuntimeError(message)
        return float(seconds)

    return work


def _run(
    argv: Sequence[str | os.PathLike[str]], cwd: Path, variables: Mapping[str, str] | None
) -> subprocess.CompletedProcess[str]:
    environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return subprocess.run(
        argv, cwd=cwd, env={**environ, **(variables or {})}, capture_output=True, text=True, check=False
    )


def uv() -> str:
    """Give uv's own program, since `python -m uv` would add the start of a Python to it."""
    program: str = find_uv_bin()
    return program


def milliseconds(seconds: float) -> str:
    """Write a time: `3.4 ms`, `467 ms`."""
    value = seconds * 1000
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms"


def versus(ours: Sequence[float], peers: Mapping[str, Sequence[float]]) -> tuple[str, str]:
    """Write the medians of the peers, and how many times ours they take."""
    medians = ", ".join(f"{name} {milliseconds(median(seconds))}" for name, seconds in peers.items())
    ratios = ", ".join(f"{ratio(seconds, ours):.1f}" for seconds in peers.values())
    return medians, ratios
