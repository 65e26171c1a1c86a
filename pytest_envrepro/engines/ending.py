"""Ends a program in a container with all that it has started; an engine itself can only end whole containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_envrepro.enginevalues import Executed

VARIABLE = "ENVREPRO_RUN"  # Marks a program, and what inherits its variables; its value is used once.
_ROOT = "0"

# For any POSIX shell; needs `cat` alone, which the container has. Which processes: those with the mark among their
# variables, their children, and who shares a session (setsid(2)) with one of them, so that one without variables is found
# too. They are stopped first, since one that runs makes new ones meanwhile, and then killed, all at once.
# Arguments: the mark, and processes that are to be ended besides. Writes those that it may not end.
_SCRIPT = """
mark=$1; shift
known=" $* "
sessions=" "
stopped=
round=0
while [ $round -lt 100 ]; do
    round=$((round + 1))
    found=
    for folder in /proc/[0-9]*; do
        pid=${folder#/proc/}
        [ "$pid" = 1 ] || [ "$pid" = $$ ] && continue
        { read -r line < "$folder/stat"; } 2>/dev/null || continue
        set -- ${line##*) }
        case $1 in Z|X) continue ;; esac
        [ "$2" = $$ ] && continue
        case "$known" in
            *" $pid "*) found="$found $pid"; continue ;;
        esac
        is=
        case "$known" in *" $2 "*) is=1 ;; esac
        case "$sessions" in *" $4 "*) is=1 ;; esac
        [ "$is" ] || case "$(cat "$folder/environ" 2>/dev/null)" in *"$mark"*) is=1 ;; esac
        if [ "$is" ]; then
            found="$found $pid"
            known="$known$pid "
            [ "$4" -gt 1 ] && sessions="$sessions$4 "
        fi
    done 2>/dev/null
    [ "$found" ] || exit 0
    if [ "$found" = "$stopped" ]; then
        refused=
        for pid in $found; do kill -KILL "$pid" 2>/dev/null || refused="$refused $pid"; done
        if [ "$refused" ]; then echo "$refused"; exit 3; fi
        stopped=
    else
        for pid in $found; do kill -STOP "$pid" 2>/dev/null; done
        stopped=$found
    fi
done
exit 4
"""


def end(mark: str, user: str | None, execute: Callable[[Sequence[str], str | None], Executed]) -> bool:
    """End what has a mark, and tell whether nothing of it is found any more.

    First as the user that it runs as, who alone may read its variables where root is not allowed to; then as root, who
    finds what that user has become by `sudo` and its like.

    Args:
        execute: runs a program in the container as a user.
    """
    words = ["sh", "-c", _SCRIPT, "sh", f"{VARIABLE}={mark}"]
    first = execute(words, user)
    rest = first.stdout.decode("ascii", "replace").split()
    return execute([*words, *filter(str.isdecimal, rest)], _ROOT).returncode == 0
