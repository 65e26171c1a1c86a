"""Follows the messages of a build: which step it is at, what that writes, and what has come of it.

The classic builder tells all in `stream`, as text for a terminal; BuildKit in traces. Podman writes as the classic one.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.builders.dockerfile import counted, instructions, stages
from pytest_envrepro.builders.traces import Log, Vertex
from pytest_envrepro.builders.traces import read as read_traces
from pytest_envrepro.builders.words import plain, shortened, without_colours

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.builders.base import Job, Tell

_STEP = re.compile(r"step (\d+)/(\d+) ?: ", re.IGNORECASE)
_LAYER = re.compile(r" ?-+> ([0-9a-f]{12,64})")
_CACHED = re.compile(r" ?-+> Using cache")
_RUNNING = re.compile(r" ---> Running in ([0-9a-f]+)")
_REMOVED = re.compile(r"Removing intermediate container ([0-9a-f]+)")
_CHATTER = re.compile(r" ---> |Removing intermediate container |Successfully (?:built|tagged) |# Executing ")
_BUILT = re.compile(r"Successfully built ([0-9a-f]{12,64})")
_VERTEX = re.compile(r"\[(?P<inner>[^\]]*)\] ")
_PLACE = re.compile(r"(?:(?P<stage>\S+) )?(?P<number>\d+)/(?P<total>\d+)")
_PLATFORM = re.compile(r"^\S+/\S+ (?=\S)")
_METADATA = re.compile(r"load metadata for (\S+)")
_KEPT = 2000  # Lines of what a step writes.
_LONGEST = 64 * 1024  # Characters of a line that does not end.


class Step(NamedTuple):
    """Where a build is.

    Attributes:
        words: `step 4 of 9`.
        line: which part of the Dockerfile it is, counted from 0; None where it is none.
    """

    words: str
    line: int | None


class Reading:
    """What one build has told so far.

    Attributes:
        image: the id of what has been built; empty as long as there is none.
        error: the engine's last word where the build has failed; empty where it has not.
        step: where it is, or has failed.
        layers: what the classic builder has made, step by step: their ids, with the numbers of the steps from 1.
        has_begun: whether any step of the Dockerfile has begun.
    """

    def __init__(self, job: Job, tell: Tell, say: Tell) -> None:
        self._job, self._tell, self._say = job, tell, say
        self._hiding = job.unseen
        self._steps = instructions(job.lines, job.target)
        self.image = ""
        self.error = ""
        self.step: Step | None = None
        self.layers: list[tuple[str, int]] = []
        self.has_begun = False
        self._said: dict[str, deque[str]] = {"": deque(maxlen=_KEPT)}
        self._failed = ""  # Whose words count: a digest; empty for the classic builder.
        self._begun: dict[str, Step] = {}
        self._partial: dict[str, str] = {}
        self._number = 0
        self._is_cached = False
        self._running = ""  # The container of the step, as long as its program may write.

    @property
    def said(self) -> tuple[str, ...]:
        """What the program of the step has written, without colours."""
        for digest in tuple(self._partial):
            self._finish(digest)
        return tuple(self._said.get(self._failed, ()))

    def feed(self, message: Mapping[str, Any]) -> None:
        """Take one message of the engine."""
        if "error" in message or "errorDetail" in message:
            detail = message.get("errorDetail")
            told = detail.get("message") if isinstance(detail, dict) else None
            self.error = plain(str(message.get("error") or told or "the engine does not say why"))
            return
        aux = message.get("aux")
        if message.get("id") == "moby.buildkit.trace" and isinstance(aux, str):
            for each in read_traces(aux):
                self._trace(each)
        elif isinstance(aux, dict) and isinstance(aux.get("ID"), str):
            self.image = aux["ID"]
        elif isinstance(message.get("stream"), str):
            self._stream(message["stream"])

    def _stream(self, text: str) -> None:
        if self._has_ended(without_colours(text)) and "" in self._partial:
            self._finish("")  # A program need not end its last line; the engine's own words are a message of their own.
        for line in self._lines("", text):
            self._classic(without_colours(line))  # The end of a colour stands before what comes next.

    def _lines(self, digest: str, text: str) -> list[str]:
        """Give the lines that are whole; the rest of the last one is to come."""
        *whole, rest = (self._partial.pop(digest, "") + text).split("\n")
        if len(rest) > _LONGEST:
            whole, rest = [*whole, rest], ""
        if rest:
            self._partial[digest] = rest
        return whole

    def _classic(self, line: str) -> None:
        if self._running and not self._has_ended(line):
            self._note("", line)  # Whatever a program writes: the engine's own words come when it has ended.
            return
        self._running = ""
        step, running, layer = _STEP.match(line), _RUNNING.match(line), _LAYER.match(line)
        if step is not None and self._is_next(int(step[1])):
            self._begin_classic(int(step[1]), int(step[2]))
        elif running is not None:
            self._running = running[1]
        elif _CACHED.match(line):
            self._is_cached = True
        elif layer is not None:
            self._layer(layer[1])
        elif (built := _BUILT.match(line)) is not None:
            self.image = self.image or built[1]
        elif not _CHATTER.match(line):
            self._note("", line)

    def _has_ended(self, line: str) -> bool:
        """Tell whether the engine says that the container of the step is gone."""
        removed = _REMOVED.match(line)
        return bool(self._running and removed and self._running.startswith(removed[1]))

    def _is_next(self, number: int) -> bool:
        return number == self._number + 1

    def _begin_classic(self, number: int, total: int) -> None:
        index = self._steps[number - 1].line if number <= len(self._steps) else None
        self._number, self._is_cached, self.has_begun = number, False, True
        self._said[""].clear()
        self.step = Step(f"step {number} of {total}", index)
        self._announce(self.step)

    def _layer(self, image: str) -> None:
        is_own = self._number <= len(self._steps) and self._steps[self._number - 1].word != "FROM"
        known = {each for each, _ in self.layers}
        if self._number and is_own and not self._is_cached and image not in known:
            self.layers.append((image, self._number))

    def _trace(self, each: Vertex | Log) -> None:
        if isinstance(each, Log):
            for line in self._lines(each.digest, each.text.decode("utf-8", "replace")):
                self._note(each.digest, line)
            return
        if each.is_completed and each.digest in self._partial:
            self._finish(each.digest)
        step = self._begun.get(each.digest) or self._placed(each.name)
        if each.error and not self._failed:
            name = shortened(self._hiding.hide(each.name))
            self._failed, self.step = each.digest, step or Step(f"'{name}'", self._beginning(each.name))
            self.has_begun = self.has_begun or step is not None
        if step is None or each.digest in self._begun or not each.is_started or each.is_cached:
            return
        self._begun[each.digest], self.has_begun = step, True
        if not self._failed:
            self.step = step
        self._announce(step)

    def _placed(self, name: str) -> Step | None:
        """Find the step that BuildKit calls so; None of its own, as loading the context is."""
        bracket = _VERTEX.match(name)
        place = _PLACE.fullmatch(_PLATFORM.sub("", bracket["inner"].strip())) if bracket else None
        if place is None:
            return None
        stage = place["stage"] or ""
        index = counted(self._job.lines, stage, int(place["number"]))
        return Step(f"step {place['number']} of {place['total']}" + (f" of stage '{stage}'" if stage else ""), index)

    def _beginning(self, name: str) -> int | None:
        """Find the FROM whose image BuildKit could not look up."""
        looked_up = _METADATA.search(name)
        begins = [each.line for each in self._steps if each.word == "FROM"]
        images = [image for image, _ in stages(self._job.lines)]
        found = (at for at, image in zip(begins, images, strict=False) if looked_up and looked_up[1].endswith(image))
        return next(found, None)

    def _announce(self, step: Step) -> None:
        if step.line is None or (line := self._job.lines[step.line]).is_quick:
            return  # Of none of the lines are the labels, which the engine adds itself.
        setting = f" ({line.setting})" if line.setting else ""
        what = self._hiding.hide(line.title or " ".join((line.shown or line.text).split()))
        self._tell(f"{step.words}: {what if line.title else shortened(what)}{setting}")

    def _note(self, digest: str, line: str) -> None:
        shown = plain(line)
        self._said.setdefault(digest, deque(maxlen=_KEPT)).append(shown)
        if shown:
            self._say(self._hiding.hide(shown))

    def _finish(self, digest: str) -> None:
        self._note(digest, self._partial.pop(digest))
