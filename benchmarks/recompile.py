"""Row 3: `--env-recompile` of row 2's lock where nothing has changed since, beside compiling it again."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks import lock
from benchmarks.measuring import Line, interleaved, milliseconds, probed, process, uv, versus, wall

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_TARGET = 0.010


def measure(folder: Path, runs: int) -> Iterator[Line]:
    """Find the verdict of an earlier session on a lock of pip-compile, and of uv; and compile both, as that had to."""
    venv, project = lock.make(folder)
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder / "index")}
    index |= {"UV_OFFLINE": "1", "UV_FIND_LINKS": str(folder / "index")}
    caches = {"UV_CACHE_DIR": str(folder / "uv"), "PIP_TOOLS_CACHE_DIR": str(folder / "pip-tools")}
    words = ["--generate-hashes", "--output-file=requirements.txt", "requirements.in"]
    program = str(venv.python)
    compilers: dict[str, list[str]] = {
        "pip-compile": [program, "-m", "piptools", "compile", "--no-emit-index-url", "--no-emit-find-links", *words],
        "uv pip compile": [uv(), "pip", "compile", *words],
    }
    for name, argv in compilers.items():
        here = folder / f"by-{name.partition(' ')[0]}"
        here.mkdir()
        (here / "requirements.in").write_text((project / "requirements.in").read_text())
        compile_again = process(argv, cwd=here, variables={**index, **caches, "UV_PYTHON": program})
        compile_again()
        variables = _variables(folder, index | caches)
        ours = probed(venv.python, "check", "recompile", str(here), cwd=here, detail="clean", variables=variables.copy)
        works = {"ours": ours, name: wall(compile_again)}
        seconds = interleaved(runs, works)
        medians, ratios = versus(seconds["ours"], {name: seconds[name]})
        yield Line(
            work=f"--env-recompile of a lock by {name}, nothing changed since",
            ours=milliseconds(median(seconds["ours"])),
            peers=medians,
            ratio=ratios,
            target=f"at most {milliseconds(_TARGET)}",
            met=median(seconds["ours"]) <= _TARGET,
        )


def _variables(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Give what our sessions are given: the first of them compiles, and remembers."""
    return {**settings, "PYTEST_ENVREPRO_CACHE": str(folder / "cache"), "UV_PYTHON_DOWNLOADS": "never"}
