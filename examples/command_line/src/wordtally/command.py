from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from importlib.resources import files

from wordtally import __version__


def common() -> frozenset[str]:
    """Give the words that say nothing of a text; they are a file of the package."""
    return frozenset(files("wordtally").joinpath("common.txt").read_text(encoding="utf-8").split())


def tally(text: str, most: int) -> list[tuple[str, int]]:
    words = Counter(re.findall(r"[^\W\d_]+", text.lower()))
    counted = [(word, count) for word, count in words.items() if word not in common()]
    return sorted(counted, key=lambda each: (-each[1], each[0]))[:most]


def main() -> int:
    parser = argparse.ArgumentParser(prog="wordtally", description="Count the words that are read from standard input.")
    parser.add_argument("--most", type=int, default=10, help="how many words are shown (default: 10)")
    parser.add_argument("--version", action="version", version=f"wordtally {__version__}")
    arguments = parser.parse_args()
    if arguments.most < 1:
        parser.error("--most has to be 1 or more")
    for word, count in tally(sys.stdin.read(), arguments.most):
        sys.stdout.write(f"{count:5} {word}\n")
    return 0
