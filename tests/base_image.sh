#!/usr/bin/env bash
# Makes the image that the tests of containers start from, `envrepro-tests/python:3.11`, where no registry of images can
# be reached: a minimal Debian 12 with its own Python, by debootstrap (as root) and `docker import`. Takes a minute, and no
# time where the image is there. What it has no more: no `python`, no PATH, no command, and a Python that pip may not
# change (PEP 668), as users' own imported images.
# Variables: DEBIAN_MIRROR, where packages come from, if not from where debootstrap itself takes them.
set -euo pipefail
readonly image=envrepro-tests/python:3.11

is_there() { docker image inspect "$image" >/dev/null 2>&1; }

is_there && exit 0
# One at a time: the next one finds it.
exec 9>"${TMPDIR:-/tmp}/envrepro-tests-python.lock"
flock 9
is_there && exit 0

as_root=$([ "$(id -u)" = 0 ] || echo sudo)
folder=$(mktemp -d)
trap '$as_root rm -rf --one-file-system "$folder"' EXIT
$as_root debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$folder/root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} \
    >"$folder/log" 2>&1 || { tail -n 20 "$folder/log" >&2; echo "base_image.sh: debootstrap has failed" >&2; exit 1; }
$as_root tar --create --directory="$folder/root" --numeric-owner --exclude='./var/cache/apt/archives/*.deb' \
    --exclude='./var/lib/apt/lists/*' --exclude='./proc/*' --exclude='./sys/*' . \
    | docker import --change 'LABEL envrepro-tests.base=1' - "$image" >/dev/null
