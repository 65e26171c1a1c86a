"""Says why an image could not be built: the step, its program's last words, the Dockerfile, the setting, and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_envrepro.builders.words import hide, last_words, shortened
from pytest_envrepro.buildhints import hints, refused_packages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.builders.base import Job
    from pytest_envrepro.builders.reading import Reading

# What the engine says of a program that has failed: that one's own words tell more.
_STATUS = re.compile(r"(?:returned a non-zero code|did not complete successfully: exit code|exit code): (\d+)")
_LINE = re.compile(r"parse error (?:on )?line (\d+)")
_AROUND = 40  # Lines of the Dockerfile that are shown: all of one of ours.


def failure(job: Job, reading: Reading) -> str:
    """Give the whole story of a build that has failed."""
    status = _STATUS.search(reading.error)
    step = reading.step
    where = f": {step.words} failed" if step is not None else ""
    ended = f" (its program ended with {status[1]})" if status and step is not None else ""
    lines = [f"the image of {job.title} cannot be built{where}{ended}"]
    text = "\n".join((*reading.said, reading.error))
    if not status or not any(reading.said):
        lines.append(f"  the engine says: {shortened(reading.error)}")
    if any(reading.said):
        lines += ["  it said:", *(f"    {line}" for line in last_words(reading.said, job.secrets))]
    lines += [f"  {job.trails[name]}" for name in refused_packages(text) if name in job.trails]
    index = _refused_line(job, reading.error) if step is None else step.line
    setting = "" if index is None else job.lines[index].setting
    lines += [f"  the setting: {setting}"] if setting else []
    lines += [f"  hint: {advice}" for advice in hints(text, job.network)]
    lines += ["  the Dockerfile:", *_marked(job, index)]
    return hide("\n".join(lines), job.secrets)


def interrupted(job: Job, reading: Reading, why: str) -> str:
    """Say where a build was when the engine went away or refused to go on."""
    at = f", at {reading.step.words}" if reading.step is not None else ""
    told = "".join(f"\n  hint: {advice}" for advice in hints(why, job.network))
    return hide(f"the image of {job.title} cannot be built{at}: {why}{told}", job.secrets)


def _refused_line(job: Job, error: str) -> int | None:
    """Find the part of the Dockerfile that the engine cannot read, by the number that it tells."""
    told = _LINE.search(error)
    number = int(told[1]) if told else 0
    for index, line in enumerate(job.lines):
        number -= line.text.count("\n") + 1
        if number <= 0:
            return index if told else None
    return None


def _marked(job: Job, index: int | None) -> Iterator[str]:
    """Give the Dockerfile with numbers, and a mark at a line; only what is near that, of a long one."""
    numbered, number = list[tuple[int, bool, str]](), 0
    for at, line in enumerate(job.lines):
        for text in line.text.split("\n"):
            number += 1
            numbered.append((number, at == index, text))
    marked = next((at for at, (_, is_marked, _) in enumerate(numbered) if is_marked), 0)
    first = max(0, min(marked - _AROUND // 2, len(numbered) - _AROUND))
    if first:
        yield "          ..."
    for each, is_marked, text in numbered[first : first + _AROUND]:
        yield f"    {'>' if is_marked else ' '} {each:>3}  {shortened(text)}".rstrip()
    if first + _AROUND < len(numbered):
        yield "          ..."
