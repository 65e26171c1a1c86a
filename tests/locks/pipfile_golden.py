"""Locks of pipenv 2026.10 and 2023.12 for one small index, each with its Pipfile; the hashes of files are shortened."""

from __future__ import annotations

# Of all kinds: versions, tables, keys for markers, a checkout, a folder, a category of its own.
PIPFILE = r"""[[source]]
url = "https://index.example/simple"
verify_ssl = true
name = "index"

[packages]
Flask = {version = ">=3", extras = ["async"]}
jinja2 = "~=3.1"
Typing_Extensions = "*"
appnope = {version = "*", markers = "sys_platform == 'darwin'"}
colorama = {version = ">=0.4", os_name = "== 'nt'"}
lib = {git = "https://git.example/lib.git", ref = "v1"}
tool = {path = "./libs/tool", editable = true}

[dev-packages]
pytest = ">=7,<9"
markupsafe = "*"

[docs]
sphinx = {version = ">=8", index = "index"}

[requires]
python_version = "3.11"

[pipenv]
allow_prereleases = false

[scripts]
serve = "flask run"
"""

# By pipenv 2026.10.3, on Linux with Python 3.11.
LOCK = r"""{
    "_meta": {
        "hash": {
            "sha256": "ad3573caa46e582142ff17893aaa69997c86fe59b6b6407d309dc08cba11ae81"
        },
        "pipfile-spec": 6,
        "requires": {
            "python_version": "3.11"
        },
        "sources": [
            {
                "name": "index",
                "url": "https://index.example/simple",
                "verify_ssl": true
            }
        ]
    },
    "default": {
        "appnope": {
            "markers": "sys_platform == 'darwin'",
            "version": "*"
        },
        "asgiref": {
            "hashes": [
                "sha256:e22dd575b831bbb0"
            ],
            "version": "==3.8.1"
        },
        "click": {
            "hashes": [
                "sha256:a7987521ea0eefda"
            ],
            "version": "==8.1.8"
        },
        "colorama": {
            "hashes": [
                "sha256:2489a2a78d885410"
            ],
            "markers": "os_name == 'nt'",
            "os_name": "== 'nt'",
            "version": "==0.4.6"
        },
        "flask": {
            "extras": [
                "async"
            ],
            "hashes": [
                "sha256:9bc036ce45bba068"
            ],
            "version": "==3.1"
        },
        "jinja2": {
            "hashes": [
                "sha256:7053af8cf6f64bfd"
            ],
            "index": "index",
            "version": "==3.1.6"
        },
        "lib": {
            "git": "https://git.example/lib.git",
            "ref": "18b059a2dd63b5dbb6a132d13c51997ebf411ae4"
        },
        "markupsafe": {
            "hashes": [
                "sha256:5c49dfcd3cda5c22"
            ],
            "version": "==3.0.2"
        },
        "six": {
            "hashes": [
                "sha256:d5cf2ba0c1a08262"
            ],
            "version": "==1.16.0"
        },
        "tool": {
            "editable": true,
            "path": "./libs/tool"
        },
        "typing-extensions": {
            "hashes": [
                "sha256:a667a5b1cc355bc7"
            ],
            "index": "index",
            "version": "==4.12.2"
        },
        "werkzeug": {
            "hashes": [
                "sha256:3452f88d65c5fb7d"
            ],
            "version": "==3.1.3"
        }
    },
    "develop": {
        "iniconfig": {
            "hashes": [
                "sha256:d811d326c3b9a962"
            ],
            "version": "==2.0.0"
        },
        "markupsafe": {
            "hashes": [
                "sha256:5c49dfcd3cda5c22"
            ],
            "version": "==3.0.2"
        },
        "pluggy": {
            "hashes": [
                "sha256:d45a76d2ed6209e8"
            ],
            "version": "==1.5.0"
        },
        "pytest": {
            "hashes": [
                "sha256:a8e0084f480fba94"
            ],
            "index": "index",
            "version": "==8.3.4"
        }
    },
    "docs": {
        "docutils": {
            "hashes": [
                "sha256:d5f8cdeb78d08246"
            ],
            "version": "==0.21.2"
        },
        "jinja2": {
            "hashes": [
                "sha256:7053af8cf6f64bfd"
            ],
            "index": "index",
            "version": "==3.1.6"
        },
        "markupsafe": {
            "hashes": [
                "sha256:5c49dfcd3cda5c22"
            ],
            "version": "==3.0.2"
        },
        "sphinx": {
            "hashes": [
                "sha256:81d025611d5ff04a"
            ],
            "index": "index",
            "version": "==8.1.3"
        }
    }
}
"""

# With names as nobody else writes them.
OLD_PIPFILE = r"""[[source]]
url = "https://index.example/simple"
verify_ssl = true
name = "index"

[packages]
Flask = {version = ">=3", extras = ["async"]}
Jinja2 = "~=3.1"
Typing_Extensions = "*"

[dev-packages]
pytest = ">=7,<9"

[requires]
python_version = "3.11"
python_full_version = "3.11.7"
"""

# By pipenv 2023.12.1, which hashes names as they stand there.
OLD_LOCK = r"""{
    "_meta": {
        "hash": {
            "sha256": "d12030e137e984bcf915d3e26ee86a5a3e10a510099e9d33ce79d7252c41615d"
        },
        "pipfile-spec": 6,
        "requires": {
            "python_full_version": "3.11.7",
            "python_version": "3.11"
        },
        "sources": [
            {
                "name": "index",
                "url": "https://index.example/simple",
                "verify_ssl": true
            }
        ]
    },
    "default": {
        "asgiref": {
            "hashes": [
                "sha256:e22dd575b831bbb0"
            ],
            "version": "==3.8.1"
        },
        "click": {
            "hashes": [
                "sha256:a7987521ea0eefda"
            ],
            "version": "==8.1.8"
        },
        "flask": {
            "extras": [
                "async"
            ],
            "hashes": [
                "sha256:9bc036ce45bba068"
            ],
            "version": "==3.1"
        },
        "jinja2": {
            "hashes": [
                "sha256:7053af8cf6f64bfd"
            ],
            "index": "index",
            "version": "==3.1.6"
        },
        "markupsafe": {
            "hashes": [
                "sha256:5c49dfcd3cda5c22"
            ],
            "version": "==3.0.2"
        },
        "typing-extensions": {
            "hashes": [
                "sha256:a667a5b1cc355bc7"
            ],
            "index": "index",
            "version": "==4.12.2"
        },
        "werkzeug": {
            "hashes": [
                "sha256:3452f88d65c5fb7d"
            ],
            "version": "==3.1.3"
        }
    },
    "develop": {
        "iniconfig": {
            "hashes": [
                "sha256:d811d326c3b9a962"
            ],
            "version": "==2.0.0"
        },
        "pluggy": {
            "hashes": [
                "sha256:d45a76d2ed6209e8"
            ],
            "version": "==1.5.0"
        },
        "pytest": {
            "hashes": [
                "sha256:a8e0084f480fba94"
            ],
            "index": "index",
            "version": "==8.3.4"
        }
    }
}
"""

# Of public projects: the repository, the commit, the hash in its lock, and what of its Pipfile is hashed. `INDEX` stands
# for the URL of the usual index.
PUBLIC = (
    (
        "mozilla/PyPOM",
        "f39d35fdd2b85a59ef3766ff1bc8eb8db195de5d",
        "6af2d595746e497b166f91daf48c63381a81782a8802107e36d1a93258d4bffe",
        """[[source]]
url = "INDEX"
verify_ssl = true
name = "pypi"

[packages]
pluggy = "*"
pypom = {editable = true, path = ".", extras = ["splinter"]}
selenium = "*"
splinter = "*"
"zope.component" = "*"
"zope.interface" = "*"

[dev-packages]
coveralls = "*"
flake8 = "*"
flake8-isort = "*"
mock = "*"
pytest-cov = "*"
sphinx = "*"
sphinx-rtd-theme = "*"
towncrier = "*"
""",
    ),
    (
        "unitedstates/python-us",
        "b52e9351a703ca6671d4764dbf68505acdb1ef56",
        "25af858beb779541c3333a0b439409e7cad654f2bf96ccd1a843fb597cf29887",
        """[[source]]
name = "pypi"
url = "INDEX"
verify_ssl = true

[dev-packages]
black = "*"
flake8 = "*"
importlib_metadata = "*"
pytest = "*"
pytz = "*"
requests = "<3.0"

[packages]
jellyfish = "~=1.0"
""",
    ),
    (
        "Gilbertly/sls-starter-py",
        "6df858f4c821ffe992245e6b9881da5c87182f54",
        "ba9131b230da019ff2019e0e04d9336dc117ff64230cc3144198f3a148370bf1",
        """[[source]]
name = "pypi"
url = "INDEX"
verify_ssl = true

[dev-packages]
pytest = "*"
mypy = "*"
flake8 = "*"
autopep8 = "*"
sphinx = "*"
codecov = "*"
pytest-cov = "*"

[packages]
boto3 = "*"
python-dotenv = "*"
sentry-sdk = "*"
botocore = "*"

[requires]
python_version = "3.7"
""",
    ),
    (
        "pypa/pipenv",
        "cb304cf71a955c059b84b0ba2349d3ecf75a46f6",
        "732f0dc59c2417ea9c448ef70f1d642487fa85ca8a743caa583076d0a6ccf32d",
        """[dev-packages]
pipenv = {path = ".", editable = true, extras = ["tests", "dev"]}
sphinx = "==4.*"
sphinx-click = "==4.*"
sphinxcontrib-spelling = "==7.*"
click = "==8.0.3"
pytest_pypi = {path = "./tests/pytest-pypi", editable = true}
pypiserver = "==1.*"
stdeb = {version="*", markers="sys_platform == 'linux'"}
zipp = {version = "==3.6.0", markers = "python_version < '3.10'"}
pre-commit = "==2.*"
atomicwrites = {version = "*", markers="sys_platform == 'win32'"}
pytest-cov = "==3.*"
typing-extensions = "==4.*"
waitress = {version = "*", markers="sys_platform == 'win32'"}
gunicorn = {version = "*", markers="sys_platform == 'linux'"}

[packages]
""",
    ),
    (
        "pypa/pipenv",
        "ae40af4e24e6c34ac8322081627dd8b663b1a511",
        "6ff45bb0e1b4ae98996193a95f3e0980fa18604c69f804d52c2173188631969a",
        """[[source]]
url = "INDEX"
verify_ssl = true
name = "pypi"

[dev-packages]
pipenv = {path = ".", editable = true, extras = ["tests", "dev"]}
sphinx = "==4.*"
sphinx-click = "==4.*"
sphinxcontrib-spelling = "==7.*"
click = "==8.0.3"
pypiserver = "==1.*"
stdeb = {version="*", sys_platform = "== 'linux'"}
zipp = {version = "==3.6.0", markers = "python_version < '3.10'"}
pre-commit = "==2.*"
atomicwrites = {version = "*", sys_platform = "== 'win32'"}
pytest-cov = "==3.*"
pluggy = "==1.2.0"
filelock = "==3.12.2"
coverage = "==7.2.7"
typing-extensions = "==4.*"
waitress = {version = "*", sys_platform = "== 'win32'"}
gunicorn = {version = "*", sys_platform = "== 'linux'"}
parse = "*"
importlib-metadata = {version = "*"}
colorama= {version = "*", sys_platform = "== 'win32'"}
myst-parser = {extras = ["linkify"], version = "*"}
invoke = "==2.0.0"
exceptiongroup = "==1.1.0"
tomli = "*"
pyyaml = "==6.0.1"
build = "*"
twine = "*"

[packages]
pytz = "*"

[resolver]
python_full_version = "3.7.13"
python_version = "3.7"
finder_python = "3.7"
os_name = "win32"
""",
    ),
)
