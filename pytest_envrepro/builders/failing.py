"""Says why an image could not be built: the step, its program's last words, the Dockerfile, the setting, and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_envrepro.builders.words import last_words, shortened
from pytest_envrepro.buildhints import hints, refused_packages
from pytest_envrepro.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.builders.base import Job
    from pytest_envrepro.builders.reading import Reading
    from pytest_envrepro.hiding import Hiding

# What the engine says of a program that has failed: that one's own words tell more.
_STATUS = re.compile(r"(?:returned a non-zero code|did not complete successfully: exit code|exit code): (\d+)")
_LINE = re.compile(r"parse error (?:on )?line (\d+)")
_AROUND = 40  # Lines of the Dockerfile that are shown: all of one of ours.


def failure(job: Job, reading: Reading) -> BuildError:
    """Give the whole story of a build that has failed, the Dockerfile apart."""
    status = next(reversed([*_STATUS.finditer(reading.error)]), None)
    step = reading.step
    where = f": {step.words} failed" if step is not None else ""
    ended = f" (its program ended with {status[1]})" if status and step is not None else ""
    lines = [f"the image of {job.title} cannot be built{where}{ended}"]
    # Before the status stands the command, a script of ours among them, which says what it might have to say.
    text = "\n".join((*reading.said, reading.error[status.start() :] if status else reading.error))
    hiding = job.unseen
    if not status:
        lines.append(f"  the engine says: {shortened(hiding.hide(reading.error))}")
    elif not any(reading.said):
        lines.append("  it wrote nothing")
    if any(reading.said):
        lines += ["  it said:", *(f"    {line}" for line in last_words(reading.said, hiding))]
    trails = [f"  {job.trails[name]}" for name in refused_packages(text) if name in job.trails]
    lines += trails
    index = _refused_line(job, reading.error) if step is None else step.line
    setting = _whole(job) if index is None else job.lines[index].setting
    if trails and setting.startswith("installer "):
        setting = ""  # Who asks for the package has been said, and what installs it is not to blame.
    lines += [f"  the setting: {setting}"] if setting else []
    lines += [f"  hint: {advice}" for advice in hints(text, job.network)]
    listing = ["  the Dockerfile:", *_marked(job, index, hiding)]
    return BuildError(hiding.hide("\n".join(lines)), listing=hiding.hide("\n".join(listing)))


def interrupted(job: Job, reading: Reading, why: str) -> str:
    """Say where a build was when the engine went away or refused to go on."""
    at = f", at {reading.step.words}" if reading.step is not None else ""
    told = "".join(f"\n  hint: {advice}" for advice in hints(why, job.network))
    return job.unseen.hide(f"the image of {job.title} cannot be built{at}: {why}{told}")


def _whole(job: Job) -> str:
    """Give the setting that all lines come from, as those of one's own Dockerfile do; empty where there are several."""
    settings = {line.setting for line in job.lines}
    return settings.pop() if len(settings) == 1 else ""


def _refused_line(job: Job, error: str) -> int | None:
    """Find the part of the Dockerfile that the engine cannot read, by the number that it tells."""
    told = _LINE.search(error)
    number = int(told[1]) if told else 0
    for index, line in enumerate(job.lines):
        number -= line.text.count("\n") + 1
        if number <= 0:
            return index if told else None
    return None


def _marked(job: Job, index: int | None, hiding: Hiding) -> Iterator[str]:
    """Give the Dockerfile with numbers, and a mark at a line; only what is near that, of a long one."""
    numbered, number = list[tuple[int, bool, str]](), 0
    for at, line in enumerate(job.lines):
        for text in hiding.hide(line.shown or line.text).split("\n"):
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
