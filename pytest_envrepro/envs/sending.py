"""The program that a container's Python runs to send what is told there of packages; it runs there, and not here."""

from __future__ import annotations

# Is run by Pythons from 3.8 on with the standard library alone, and without `site`: nothing of the environment's own code
# runs. Where packages lie it finds out as `site` does, whose functions it asks.
SCRIPT = r"""
import hashlib, io, json, os, stat, sys, tarfile, time

mark, what, known = sys.argv[1:4]
largest, most, settled = map(float, sys.argv[4:7])
TOLD = {"METADATA", "PKG-INFO", "RECORD", "WHEEL", "INSTALLER", "REQUESTED", "direct_url.json", "entry_points.txt",
        "top_level.txt", "requires.txt", "uv_cache.json", "uv_build.json"}
OTHERS = {"apk": ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"],
          "rpm": ["/var/lib/rpm", "/usr/lib/sysimage/rpm"],
          "distroless": ["/var/lib/dpkg/status.d"]}

def lines_of(path):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except OSError:
        return []

def virtualenv():
    folder = os.path.dirname(os.path.abspath(sys.executable))
    for place in (folder, os.path.dirname(folder)):
        if os.path.isfile(os.path.join(place, "pyvenv.cfg")):
            return os.path.realpath(place)
    return ""

def sees_system(prefix):
    for line in lines_of(os.path.join(prefix, "pyvenv.cfg")):
        key, _, value = line.partition("=")
        if key.strip().lower() == "include-system-site-packages":
            return value.strip().lower() == "true"
    return False

def added(folder):
    found = []
    for name in names_in(folder):
        if name.endswith(".pth") and not name.startswith("."):
            for line in lines_of(os.path.join(folder, name)):
                if line.strip() and "\0" not in line and not line.startswith(("#", "import ", "import\t")):
                    found.append(os.path.realpath(os.path.join(folder, line.rstrip())))
    return found

def names_in(folder):
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []

def search_path(prefix):
    import site
    found = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(each)]
    base = [sys.base_prefix, sys.base_exec_prefix]
    folders = []
    if prefix:
        # Debian's `site` looks at these to tell a virtualenv.
        sys.prefix = sys.exec_prefix = prefix
        folders += site.getsitepackages([prefix])
    if not prefix or sees_system(prefix):
        sys.prefix, sys.exec_prefix = base
        if not os.environ.get("PYTHONNOUSERSITE") and os.getuid() == os.geteuid():
            folders.append(site.getusersitepackages())
        folders += site.getsitepackages(base)
    for folder in folders:
        found += [folder] + added(folder)
    # By their real paths: an engine gives a link as a link, and not what it names.
    return list(dict.fromkeys(os.path.realpath(each) for each in found if os.path.exists(each)))

faults = []
found = {}

def note(path):
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        faults.append("%s: %s" % (path, error.strerror))
        return
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        found[path] = status

def note_packages(folder):
    note(folder)
    for name in names_in(folder):
        if name.endswith((".dist-info", ".egg-info")) or name == "EGG-INFO":
            place = os.path.join(folder, name)
            note(place)
            for each in names_in(place):
                if each in TOLD:
                    note(os.path.join(place, each))

def state():
    # As times have ticks, what changed a moment ago could change again without it being seen.
    if any(status.st_ctime > time.time() - settled for status in found.values()):
        return ""
    digest = hashlib.sha256()
    for path in sorted(found):
        s = found[path]
        seen = (path, s.st_mode, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino, s.st_dev)
        digest.update(ascii(seen).encode())
    digest.update(ascii((prefix, paths, others, faults)).encode())
    return digest.hexdigest()

def put(path, status):
    info = tarfile.TarInfo("tree" + path)
    info.mtime, info.mode = max(0, int(status.st_mtime)), stat.S_IMODE(status.st_mode)
    if stat.S_ISDIR(status.st_mode):
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
        return
    try:
        with open(path, "rb") as file:
            data = file.read(status.st_size)
    except OSError as error:
        faults.append("%s: %s" % (path, error.strerror))
        data = b""
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))

prefix, paths, fleeting = "", [], False
others = [name for name in sorted(OTHERS) if any(map(os.path.exists, OTHERS[name]))]
if what == "packages":
    prefix = virtualenv()
    paths = search_path(prefix)
    for each in paths:
        note_packages(each)
        fleeting = fleeting or (os.path.isdir(each) and os.stat(each).st_dev != os.stat("/").st_dev)
for each in sys.argv[7:]:
    note(each)
total = 0
for path, status in found.items():
    size = status.st_size if stat.S_ISREG(status.st_mode) else 0
    total += size
    if size > largest or total > most:
        faults.append(path + " is too large")
state = state()
is_known = bool(state) and state == known
if is_known or faults:
    found = {}

sys.stdout.flush()
out = sys.stdout.buffer
out.write(("\n" + mark + "\n").encode())
tar = tarfile.open(fileobj=out, mode="w|", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape")
for path, status in found.items():
    put(path, status)
answer = {"prefix": prefix, "paths": paths, "others": others, "fleeting": fleeting, "state": state,
          "known": is_known, "members": len(found), "faults": faults[:100]}
data = json.dumps(answer).encode()
info = tarfile.TarInfo("answer.json")
info.size = len(data)
tar.addfile(info, io.BytesIO(data))
tar.close()
out.flush()
"""
