"""What is told of environments that are being made, and in which order."""

from __future__ import annotations

import threading
import time

from pytest_envrepro.progress import Progress


def _told(works: list[tuple[str, float]]) -> list[str]:
    """Begin works one after the other, each in a thread for so many seconds; give the titles that are told as made."""
    told: list[str] = []
    progress = Progress(told.append)
    begun = threading.Event()

    def work(title: str, seconds: float) -> None:
        with progress.of(title):
            begun.set()
            time.sleep(seconds)
            progress.done("made", "of it")

    threads = [threading.Thread(target=work, args=each) for each in works]
    for thread in threads:
        begun.clear()
        thread.start()
        assert begun.wait(10)
    for thread in threads:
        thread.join()
    assert all(": made in " in line and line.endswith(" s (of it)") for line in told)
    return [line.partition(":")[0] for line in told]


def test_in_the_order_in_which_they_were_begun() -> None:
    """One that is made faster is told after those before it."""
    assert _told([("one", 0.6), ("two", 0.1), ("three", 0.3)]) == ["one", "two", "three"]


def test_one_that_takes_long_holds_up_none() -> None:
    """Those that are made meanwhile are told before it."""
    assert _told([("slow", 4.0), ("two", 0.4), ("three", 0.1)]) == ["two", "three", "slow"]


def test_little_is_told() -> None:
    """Where that is wanted, what takes ten seconds is told with what is being done, and when it is made; nothing else is."""
    told: list[str] = []
    progress = Progress(told.append, quiet=True)

    progress.tell("is waited for")
    with progress.of("quick"):
        progress.say("installing")
        time.sleep(2.5)
        progress.done("made", "of it")
    with progress.of("slow"):
        progress.say("choosing versions")
        time.sleep(9)
        before = [*told]
        progress.say("installing")
        time.sleep(2)
        progress.say("proving it")
        progress.done("made", "of it")

    assert before == []
    assert [line.partition(" in ")[0].partition(" ...")[0] for line in told] == ["slow: installing", "slow: made"]


def test_one_right_after_another() -> None:
    """One that begins when the one before has just ended is told too, if it takes long."""
    told: list[str] = []
    progress = Progress(told.append)

    for number in range(20):
        with progress.of(str(number)):
            progress.say("nothing")
    with progress.of("slow"):
        progress.say("installing")
        time.sleep(3)

    assert [line.partition(" ...")[0] for line in told] == ["slow: installing"]
