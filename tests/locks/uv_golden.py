"""Locks as uv 0.13 wrote them, with the inputs that they are of; hashes and addresses are shortened."""

PROJECT = {
    "pyproject.toml": """\
[project]
name = "demo"
version = "0.1.0"
requires-python = ">=3.9"
dependencies = [
    "jinja2>=3",
    "click",
]

[project.optional-dependencies]
i18n = ["jinja2[i18n]"]

[dependency-groups]
dev = ["pytest>=8"]
docs = ["six>=1.16 ; python_version < '3.14'", {include-group = "dev"}]
""",
    "uv.lock": """\
version = 1
revision = 5
requires-python = ">=3.9"

[[package]]
name = "babel"
version = "2.17.0"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/babel-2.17.0-py3-none-any.whl", hash = "sha256:5ec6a464" },
]

[[package]]
name = "click"
version = "8.1.8"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "colorama", marker = "sys_platform == 'win32'" },
]
wheels = [
    { url = "https://index.example/click-8.1.8-py3-none-any.whl", hash = "sha256:671768b6" },
]

[[package]]
name = "colorama"
version = "0.4.6"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/colorama-0.4.6-py3-none-any.whl", hash = "sha256:2489a2a7" },
]

[[package]]
name = "demo"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "click" },
    { name = "jinja2" },
]

[package.optional-dependencies]
i18n = [
    { name = "jinja2", extra = ["i18n"] },
]

[package.dev-dependencies]
dev = [
    { name = "pytest" },
]
docs = [
    { name = "pytest" },
    { name = "six", marker = "python_full_version < '3.14'" },
]

[package.metadata]
requires-dist = [
    { name = "click" },
    { name = "jinja2", specifier = ">=3" },
    { name = "jinja2", extras = ["i18n"], marker = "extra == 'i18n'" },
]
provides-extras = ["i18n"]

[package.metadata.requires-dev]
dev = [{ name = "pytest", specifier = ">=8" }]
docs = [
    { name = "pytest", specifier = ">=8" },
    { name = "six", marker = "python_full_version < '3.14'", specifier = ">=1.16" },
]

[[package]]
name = "exceptiongroup"
version = "1.3.0"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "typing-extensions" },
]
wheels = [
    { url = "https://index.example/exceptiongroup-1.3.0-py3-none-any.whl", hash = "sha256:fccfca34" },
]

[[package]]
name = "iniconfig"
version = "2.1.0"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/iniconfig-2.1.0-py3-none-any.whl", hash = "sha256:116e7353" },
]

[[package]]
name = "jinja2"
version = "3.1.6"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "markupsafe" },
]
wheels = [
    { url = "https://index.example/jinja2-3.1.6-py3-none-any.whl", hash = "sha256:84a0dafe" },
]

[package.optional-dependencies]
i18n = [
    { name = "babel" },
]

[[package]]
name = "markupsafe"
version = "3.0.2"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/markupsafe-3.0.2-py3-none-any.whl", hash = "sha256:5c49dfcd" },
]

[[package]]
name = "pluggy"
version = "1.6.0"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/pluggy-1.6.0-py3-none-any.whl", hash = "sha256:b1a1c113" },
]

[[package]]
name = "pytest"
version = "8.4.0"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "colorama", marker = "sys_platform == 'win32'" },
    { name = "exceptiongroup", marker = "python_full_version < '3.11'" },
    { name = "iniconfig" },
    { name = "pluggy" },
]
wheels = [
    { url = "https://index.example/pytest-8.4.0-py3-none-any.whl", hash = "sha256:a17fce5c" },
]

[[package]]
name = "six"
version = "1.17.0"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/six-1.17.0-py3-none-any.whl", hash = "sha256:b6ba97ef" },
]

[[package]]
name = "typing-extensions"
version = "4.14.0"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/typing_extensions-4.14.0-py3-none-any.whl", hash = "sha256:56efb6bc" },
]
""",
}

WORKSPACE = {
    "pyproject.toml": """\
[project]
name = "root-app"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["core[fast]", "click>=8"]

[dependency-groups]
dev = ["pytest", "tools"]
lint = ["six"]

[tool.uv]
default-groups = ["dev", "lint"]
override-dependencies = ["markupsafe==2.1.5"]
constraint-dependencies = ["pluggy<1.7"]
exclude-dependencies = ["iniconfig"]

[tool.uv.sources]
core = { workspace = true }
tools = { workspace = true }

[tool.uv.workspace]
members = ["packages/*"]
exclude = ["packages/none"]
""",
    "packages/core/pyproject.toml": """\
[project]
name = "Core"
version = "1.0"
dependencies = ["jinja2"]
[project.optional-dependencies]
fast = ["typing-extensions>=4"]
[dependency-groups]
dev = ["babel"]
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
""",
    "packages/tools/pyproject.toml": """\
[project]
name = "tools"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["core", "six"]
[tool.uv.sources]
core = { workspace = true }
""",
    "packages/lone/pyproject.toml": """\
[project]
name = "lone"
version = "1.0"
dependencies = ["numpy"]
""",
    "uv.lock": """\
version = 1
revision = 5
requires-python = ">=3.10"
resolution-markers = [
    "python_full_version >= '3.11'",
    "python_full_version < '3.11'",
]

[manifest]
members = [
    "core",
    "lone",
    "root-app",
    "tools",
]
constraints = [{ name = "pluggy", specifier = "<1.7" }]
overrides = [{ name = "markupsafe", specifier = "==2.1.5" }]
excludes = ["iniconfig"]

[[package]]
name = "babel"
version = "2.17.0"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/babel-2.17.0-py3-none-any.whl", hash = "sha256:5ec6a464" },
]

[[package]]
name = "click"
version = "8.1.8"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "colorama", marker = "sys_platform == 'win32'" },
]
wheels = [
    { url = "https://index.example/click-8.1.8-py3-none-any.whl", hash = "sha256:671768b6" },
]

[[package]]
name = "colorama"
version = "0.4.6"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/colorama-0.4.6-py3-none-any.whl", hash = "sha256:2489a2a7" },
]

[[package]]
name = "core"
version = "1.0"
source = { editable = "packages/core" }
dependencies = [
    { name = "jinja2" },
]

[package.optional-dependencies]
fast = [
    { name = "typing-extensions" },
]

[package.dev-dependencies]
dev = [
    { name = "babel" },
]

[package.metadata]
requires-dist = [
    { name = "jinja2" },
    { name = "typing-extensions", marker = "extra == 'fast'", specifier = ">=4" },
]
provides-extras = ["fast"]

[package.metadata.requires-dev]
dev = [{ name = "babel" }]

[[package]]
name = "exceptiongroup"
version = "1.3.0"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "typing-extensions" },
]
wheels = [
    { url = "https://index.example/exceptiongroup-1.3.0-py3-none-any.whl", hash = "sha256:fccfca34" },
]

[[package]]
name = "jinja2"
version = "3.1.6"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "markupsafe" },
]
wheels = [
    { url = "https://index.example/jinja2-3.1.6-py3-none-any.whl", hash = "sha256:84a0dafe" },
]

[[package]]
name = "lone"
version = "1.0"
source = { virtual = "packages/lone" }
dependencies = [
    { name = "numpy", version = "2.2.6", source = { registry = "https://index.example/simple" }, marker = "python_full_version < '3.11'" },
    { name = "numpy", version = "2.4.0", source = { registry = "https://index.example/simple" }, marker = "python_full_version >= '3.11'" },
]

[package.metadata]
requires-dist = [{ name = "numpy" }]

[[package]]
name = "markupsafe"
version = "2.1.5"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/markupsafe-2.1.5-py3-none-any.whl", hash = "sha256:0c32b820" },
]

[[package]]
name = "numpy"
version = "2.2.6"
source = { registry = "https://index.example/simple" }
resolution-markers = [
    "python_full_version < '3.11'",
]
wheels = [
    { url = "https://index.example/numpy-2.2.6-py3-none-any.whl", hash = "sha256:80e05d1a" },
]

[[package]]
name = "numpy"
version = "2.4.0"
source = { registry = "https://index.example/simple" }
resolution-markers = [
    "python_full_version >= '3.11'",
]
wheels = [
    { url = "https://index.example/numpy-2.4.0-py3-none-any.whl", hash = "sha256:5e343eac" },
]

[[package]]
name = "pluggy"
version = "1.6.0"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/pluggy-1.6.0-py3-none-any.whl", hash = "sha256:b1a1c113" },
]

[[package]]
name = "pytest"
version = "8.4.0"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "colorama", marker = "sys_platform == 'win32'" },
    { name = "exceptiongroup", marker = "python_full_version < '3.11'" },
    { name = "pluggy" },
]
wheels = [
    { url = "https://index.example/pytest-8.4.0-py3-none-any.whl", hash = "sha256:a17fce5c" },
]

[[package]]
name = "root-app"
version = "0.1.0"
source = { virtual = "." }
default-groups = ["dev", "lint"]
dependencies = [
    { name = "click" },
    { name = "core", extra = ["fast"] },
]

[package.dev-dependencies]
dev = [
    { name = "pytest" },
    { name = "tools" },
]
lint = [
    { name = "six" },
]

[package.metadata]
requires-dist = [
    { name = "click", specifier = ">=8" },
    { name = "core", extras = ["fast"], editable = "packages/core" },
]

[package.metadata.requires-dev]
dev = [
    { name = "pytest" },
    { name = "tools", editable = "packages/tools" },
]
lint = [{ name = "six" }]

[[package]]
name = "six"
version = "1.17.0"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/six-1.17.0-py3-none-any.whl", hash = "sha256:b6ba97ef" },
]

[[package]]
name = "tools"
version = "1.0"
source = { editable = "packages/tools" }
dependencies = [
    { name = "core" },
    { name = "six" },
]

[package.metadata]
requires-dist = [
    { name = "core", editable = "packages/core" },
    { name = "six" },
]

[[package]]
name = "typing-extensions"
version = "4.14.0"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/typing_extensions-4.14.0-py3-none-any.whl", hash = "sha256:56efb6bc" },
]
""",
}

CHOICES = {
    "pyproject.toml": """\
[project]
name = "demo"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["vision"]

[project.optional-dependencies]
cpu = ["torch>=2.5"]
gpu = ["torch>=2.5"]

[tool.uv]
conflicts = [[{ extra = "cpu" }, { extra = "gpu" }]]

[tool.uv.sources]
torch = [{ index = "cpu", extra = "cpu" }]

[[tool.uv.index]]
name = "cpu"
url = "https://cpu.example/simple"
explicit = true
""",
    "uv.lock": """\
version = 1
revision = 5
requires-python = ">=3.11"
conflicts = [[
    { package = "demo", extra = "cpu" },
    { package = "demo", extra = "gpu" },
]]

[[package]]
name = "demo"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "vision" },
]

[package.optional-dependencies]
cpu = [
    { name = "torch", version = "2.5.1+cpu", source = { registry = "https://cpu.example/simple" } },
]
gpu = [
    { name = "torch", version = "2.6.0", source = { registry = "https://index.example/simple" } },
]

[package.metadata]
requires-dist = [
    { name = "torch", marker = "extra == 'cpu'", specifier = ">=2.5", index = "https://cpu.example/simple", conflict = { package = "demo", extra = "cpu" } },
    { name = "torch", marker = "extra == 'gpu'", specifier = ">=2.5" },
    { name = "vision" },
]
provides-extras = ["cpu", "gpu"]

[[package]]
name = "torch"
version = "2.5.1+cpu"
source = { registry = "https://cpu.example/simple" }
dependencies = [
    { name = "typing-extensions", marker = "extra == 'extra-4-demo-cpu'" },
]
wheels = [
    { url = "https://cpu.example/torch-2.5.1+cpu-py3-none-any.whl", hash = "sha256:be41eea6" },
]

[[package]]
name = "torch"
version = "2.6.0"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "typing-extensions" },
]
wheels = [
    { url = "https://index.example/torch-2.6.0-py3-none-any.whl", hash = "sha256:502b5b05" },
]

[[package]]
name = "typing-extensions"
version = "4.14.0"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/typing_extensions-4.14.0-py3-none-any.whl", hash = "sha256:56efb6bc" },
]

[[package]]
name = "vision"
version = "0.20.0"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "torch", version = "2.5.1+cpu", source = { registry = "https://cpu.example/simple" }, marker = "extra == 'extra-4-demo-cpu'" },
    { name = "torch", version = "2.6.0", source = { registry = "https://index.example/simple" }, marker = "extra != 'extra-4-demo-cpu' or extra == 'extra-4-demo-gpu'" },
]
wheels = [
    { url = "https://index.example/vision-0.20.0-py3-none-any.whl", hash = "sha256:5bcd6eb2" },
]
""",
}

SOURCES = {
    "pyproject.toml": """\
[project]
name = "demo"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["lib", "ed>=1", "six @ https://index.example/six-1.17.0-py3-none-any.whl", "pluggy", "iniconfig", "wat", "vir"]
[tool.uv.sources]
lib = { path = "lib" }
ed = { path = "ed", editable = true }
vir = { path = "vir", package = false }
wat = { git = "https://git.example/wat", branch = "main" }
pluggy = { url = "https://index.example/pluggy-1.6.0-py3-none-any.whl" }
iniconfig = { path = "iniconfig-2.1.0-py3-none-any.whl" }
""",
    "lib/pyproject.toml": """\
[project]
name = "lib"
version = "1.0"
dependencies = ["click"]
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
""",
    "ed/pyproject.toml": """\
[project]
name = "ed"
version = "1.0"
dependencies = ["click"]
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
""",
    "vir/pyproject.toml": """\
[project]
name = "vir"
version = "1.0"
dependencies = ["click"]
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
""",
    "uv.lock": """\
version = 1
revision = 5
requires-python = ">=3.10"

[[package]]
name = "click"
version = "8.1.8"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "colorama", marker = "sys_platform == 'win32'" },
]
wheels = [
    { url = "https://index.example/click-8.1.8-py3-none-any.whl", hash = "sha256:671768b6" },
]

[[package]]
name = "colorama"
version = "0.4.6"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/colorama-0.4.6-py3-none-any.whl", hash = "sha256:2489a2a7" },
]

[[package]]
name = "demo"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "ed" },
    { name = "iniconfig" },
    { name = "lib" },
    { name = "pluggy" },
    { name = "six" },
    { name = "vir" },
    { name = "wat" },
]

[package.metadata]
requires-dist = [
    { name = "ed", editable = "ed" },
    { name = "iniconfig", path = "iniconfig-2.1.0-py3-none-any.whl" },
    { name = "lib", directory = "lib" },
    { name = "pluggy", url = "https://index.example/pluggy-1.6.0-py3-none-any.whl" },
    { name = "six", url = "https://index.example/six-1.17.0-py3-none-any.whl" },
    { name = "vir", virtual = "vir" },
    { name = "wat", git = "https://git.example/wat?branch=main" },
]

[[package]]
name = "ed"
version = "1.0"
source = { editable = "ed" }
dependencies = [
    { name = "click" },
]

[package.metadata]
requires-dist = [{ name = "click" }]

[[package]]
name = "iniconfig"
version = "2.1.0"
source = { path = "iniconfig-2.1.0-py3-none-any.whl" }
wheels = [
    { filename = "iniconfig-2.1.0-py3-none-any.whl", hash = "sha256:116e7353" },
]

[[package]]
name = "lib"
version = "1.0"
source = { directory = "lib" }
dependencies = [
    { name = "click" },
]

[package.metadata]
requires-dist = [{ name = "click" }]

[[package]]
name = "pluggy"
version = "1.6.0"
source = { url = "https://index.example/pluggy-1.6.0-py3-none-any.whl" }
wheels = [
    { url = "https://index.example/pluggy-1.6.0-py3-none-any.whl", hash = "sha256:b1a1c113" },
]

[[package]]
name = "six"
version = "1.17.0"
source = { url = "https://index.example/six-1.17.0-py3-none-any.whl" }
wheels = [
    { url = "https://index.example/six-1.17.0-py3-none-any.whl", hash = "sha256:b6ba97ef" },
]

[[package]]
name = "vir"
version = "1.0"
source = { virtual = "vir" }
dependencies = [
    { name = "click" },
]

[package.metadata]
requires-dist = [{ name = "click" }]

[[package]]
name = "wat"
version = "1.0"
source = { git = "https://git.example/wat?branch=main#841e7625f774bbf1a921b7b50d136c54c3b85def" }
dependencies = [
    { name = "click" },
]
""",
}

VIRTUAL = {
    "pyproject.toml": """\
[dependency-groups]
dev = ["six>=1"]
lint = ["pluggy"]
[tool.uv.workspace]
members = ["one", "two"]
""",
    "one/pyproject.toml": """\
[project]
name = "one"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["click"]
[project.optional-dependencies]
x = ["babel"]
[dependency-groups]
dev = ["jinja2"]
""",
    "two/pyproject.toml": """\
[project]
name = "two"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["click"]
[project.optional-dependencies]
x = ["babel"]
[dependency-groups]
dev = ["jinja2"]
""",
    "uv.lock": """\
version = 1
revision = 5
requires-python = ">=3.10"

[manifest]
members = [
    "one",
    "two",
]

[manifest.dependency-groups]
dev = [{ name = "six", specifier = ">=1" }]
lint = [{ name = "pluggy" }]

[[package]]
name = "babel"
version = "2.17.0"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/babel-2.17.0-py3-none-any.whl", hash = "sha256:5ec6a464" },
]

[[package]]
name = "click"
version = "8.1.8"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "colorama", marker = "sys_platform == 'win32'" },
]
wheels = [
    { url = "https://index.example/click-8.1.8-py3-none-any.whl", hash = "sha256:671768b6" },
]

[[package]]
name = "colorama"
version = "0.4.6"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/colorama-0.4.6-py3-none-any.whl", hash = "sha256:2489a2a7" },
]

[[package]]
name = "jinja2"
version = "3.1.6"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "markupsafe" },
]
wheels = [
    { url = "https://index.example/jinja2-3.1.6-py3-none-any.whl", hash = "sha256:84a0dafe" },
]

[[package]]
name = "markupsafe"
version = "3.0.2"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/markupsafe-3.0.2-py3-none-any.whl", hash = "sha256:5c49dfcd" },
]

[[package]]
name = "one"
version = "1.0"
source = { virtual = "one" }
dependencies = [
    { name = "click" },
]

[package.optional-dependencies]
x = [
    { name = "babel" },
]

[package.dev-dependencies]
dev = [
    { name = "jinja2" },
]

[package.metadata]
requires-dist = [
    { name = "babel", marker = "extra == 'x'" },
    { name = "click" },
]
provides-extras = ["x"]

[package.metadata.requires-dev]
dev = [{ name = "jinja2" }]

[[package]]
name = "pluggy"
version = "1.6.0"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/pluggy-1.6.0-py3-none-any.whl", hash = "sha256:b1a1c113" },
]

[[package]]
name = "six"
version = "1.17.0"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/six-1.17.0-py3-none-any.whl", hash = "sha256:b6ba97ef" },
]

[[package]]
name = "two"
version = "1.0"
source = { virtual = "two" }
dependencies = [
    { name = "click" },
]

[package.optional-dependencies]
x = [
    { name = "babel" },
]

[package.dev-dependencies]
dev = [
    { name = "jinja2" },
]

[package.metadata]
requires-dist = [
    { name = "babel", marker = "extra == 'x'" },
    { name = "click" },
]
provides-extras = ["x"]

[package.metadata.requires-dev]
dev = [{ name = "jinja2" }]
""",
}
