"""The plan of the house, kept true: rooms, one-way imports, module lengths, public names."""

import ast
import importlib
import pkgutil
import re
import statistics
import subprocess
import sys
import types
from pathlib import Path

import pytest
from pydantic import BaseModel

import analognas
from analognas.core.settings import Settings

PACKAGE = Path(analognas.__file__).parent

# From top to bottom; a room imports only rooms below it.
ROOMS = [
    "testing",
    "cli",
    "report",
    "search",
    "optimizers",
    "evaluators",
    "builder",
    "hardware",
    "reproduce",
    "analysis",
    "tables",
    "drift",
    "training",
    "models",
    "spaces",
    "data",
    "nn",
    "physics",
    "core",
]
MODULES = sorted(PACKAGE.rglob("*.py"))
PRESENT = [room for room in ROOMS if (PACKAGE / room).is_dir()]


def imported_rooms(path, source=None):
    """Rooms of this package that a module imports, at any level of its code."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text() if source is None else source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = parts[: len(parts) - node.level]
            target = [*base, *(node.module or "").split(".")]
            target = [part for part in target if part]
            yield from [target[0]] if target else [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names = (
                [node.module]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
            )
            for name in names:
                if name.split(".")[0] == "analognas":
                    yield ([*name.split("."), ""])[1]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards(path):
    room = path.relative_to(PACKAGE).parts[0]
    if room not in ROOMS:
        assert path.parent == PACKAGE
        return
    for other in imported_rooms(path):
        if other in ROOMS:
            assert ROOMS.index(other) >= ROOMS.index(room), (
                f"{room} imports {other}, which lies above it"
            )


def test_the_import_check_sees_every_form():
    source = (
        "from ..search import Worker\nimport analognas.cli\ndef f():\n    from . import errors\n"
    )
    found = imported_rooms(PACKAGE / "core" / "probe.py", source)
    assert list(found) == ["search", "cli", "core"]


def imported_files(path, source=None):
    """Files of this package that a module imports at any level of its code, also for annotations alone."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text() if source is None else source)):
        if isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [part for part in (node.module or "").split(".") if part]
            home = ["analognas", *parts[: len(parts) - node.level], *names] if node.level else names
            targets = [[*home, alias.name] for alias in node.names]
        else:
            continue
        for name, *rest in targets:
            file = name == "analognas" and (_file_of(rest) or _file_of(rest[:-1]))
            if file and file != path:
                yield file


def _file_of(parts):
    module = PACKAGE.joinpath(*parts)
    files = (module.with_suffix(".py"), module / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def cycles(arrows):
    """Groups of files that import each other, directly or by way of others."""

    def reach(start):
        seen, left = set(), [start]
        while left:
            for other in arrows.get(left.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    left.append(other)
        return seen

    reached = {file: reach(file) for file in arrows}
    groups = {
        frozenset(other for other in reached[file] if file in reached.get(other, ()))
        for file in arrows
        if file in reached[file]
    }
    return sorted(sorted(str(file) for file in group) for group in groups)


def test_no_cycles_between_files():
    assert not cycles({path: set(imported_files(path)) for path in MODULES})


def test_the_search_for_cycles_sees_every_form():
    source = (
        "from __future__ import annotations\n"
        "if TYPE_CHECKING:\n    from .base import Space\n"
        "def f():\n    from .. import core\n    import analognas.spaces.moves\n"
        "from ..core.errors import InvalidArgumentError\n"
    )
    found = {
        str(path.relative_to(PACKAGE))
        for path in imported_files(PACKAGE / "spaces" / "probe.py", source)
    }
    assert found == {"spaces/base.py", "core/__init__.py", "spaces/moves.py", "core/errors.py"}
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": {"d"}, "e": {"a"}}
    assert cycles(arrows) == [["b", "c"], ["d"]]


def private_imports(path, source=None):
    """Private names that a module imports from another folder of this package, or reads of its modules."""
    home = path.relative_to(PACKAGE).parts[:-1]
    modules = set()
    tree = ast.parse(path.read_text() if source is None else source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (
            node.level or (node.module or "").startswith("analognas")
        ):
            above = home[: len(home) - node.level + 1] if node.level else ()
            parts = [*above, *(node.module or "").removeprefix("analognas").split(".")]
            parts = [part for part in parts if part]
            modules |= {
                alias.asname or alias.name for alias in node.names if _file_of([*parts, alias.name])
            }
            foreign = parts[: len(home)] != list(home) or not node.level
            names = [*parts, *(alias.name for alias in node.names)]
            yield from (name for name in names if foreign and _is_private(name))
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in modules
            and _is_private(node.attr)
        ):
            yield f"{node.value.id}.{node.attr}"


def _is_private(name):
    return name.startswith("_") and not name.startswith("__")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_private_names_stay_in_their_folder(path):
    assert not list(private_imports(path))


def test_the_search_for_private_names_sees_every_form():
    source = (
        "from ..core.checks import _NEAR\nfrom analognas.core.files import _x\nfrom ..core import checks\n"
        "from .moves import _own\nfrom ..version import __version__\nchecks._range_text()\nself._fine\n"
    )
    found = private_imports(PACKAGE / "spaces" / "probe.py", source)
    assert sorted(found) == ["_NEAR", "_x", "checks._range_text"]


def all_modules():
    for info in pkgutil.walk_packages([str(PACKAGE)], "analognas."):
        if not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


def foreign_settings(modules):
    """Classes with entries that are checked or written, but not by the base of all settings."""
    for module in modules:
        for value in vars(module).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and issubclass(value, BaseModel) and not issubclass(value, Settings):
                yield value.__qualname__


def test_every_class_of_settings_derives_from_the_base():
    assert not list(foreign_settings(all_modules()))


def test_the_search_for_foreign_settings_finds_one():
    module = types.ModuleType("probe")
    exec("from pydantic import BaseModel\nclass Own(BaseModel):\n    x: int = 0\n", vars(module))
    module.Own.__module__ = module.__name__ = "probe"
    assert list(foreign_settings([module])) == ["Own"]


def readme_imports(text):
    """Rooms that the line of imports in a room's README names; None without such a line."""
    line = re.search(r"\bImports (no other room|`\w+`(?:(?:,| and)\s+`\w+`)*)", text)
    return line and set(re.findall(r"`(\w+)`", line[1]))


@pytest.mark.parametrize("room", PRESENT)
def test_the_readme_of_a_room_names_its_imports(room):
    modules = [path for path in MODULES if path.relative_to(PACKAGE).parts[0] == room]
    used = {other for path in modules for other in imported_rooms(path)} & set(ROOMS) - {room}
    assert readme_imports((PACKAGE / room / "README.md").read_text()) == used


def test_the_line_of_imports_is_read():
    assert readme_imports("Fine.\nImports `nn`,\n`data` and `core`; `x` stays.") == {
        "nn",
        "data",
        "core",
    }
    assert readme_imports("Imports no other room.") == set()
    assert readme_imports("It imports much.") is None


def test_every_folder_is_a_known_room():
    folders = {
        path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    assert folders <= set(ROOMS)


EXAMPLE = re.compile(r'\n +Example:\n.*?(?=\n *\n +[A-Z]\w+:\n|\n *""")', re.DOTALL)


def without_examples(text):
    """The code of a module without the examples of its docstrings."""
    return EXAMPLE.sub("", text)


def test_examples_are_left_out():
    text = 'def f():\n    """Do it.\n\n    Example:\n        >>> f()\n\n        >>> f()\n    """\n    return 1\n'
    assert without_examples(text) == 'def f():\n    """Do it.\n\n    """\n    return 1\n'


def test_modules_stay_short():
    lengths = {path: len(without_examples(path.read_text()).splitlines()) for path in MODULES}
    too_long = {str(path): length for path, length in lengths.items() if length > 400}
    assert not too_long
    assert statistics.median(lengths.values()) <= 150


def test_functions_stay_short():
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                assert length <= 60, f"{path.name}:{node.name} has {length} lines"


def test_folders_are_at_most_two_deep():
    assert max(len(path.relative_to(PACKAGE).parts) for path in MODULES) <= 3


@pytest.mark.parametrize("room", ["", *PRESENT])
def test_public_names(room):
    module = importlib.import_module(f"analognas.{room}" if room else "analognas")
    names = module.__all__
    assert len(set(names)) == len(names)
    assert room or len(names) <= 20
    for name in names:
        assert getattr(module, name) is not None
        assert name in dir(module)


@pytest.mark.parametrize("room", PRESENT)
def test_every_room_has_a_readme_that_says_how_to_add(room):
    text = (PACKAGE / room / "README.md").read_text()
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings[-1] == "## Add your own"


def test_every_public_object_has_a_docstring():
    for module in all_modules():
        assert module.__doc__, module.__name__
        for name in getattr(module, "__all__", []):
            value = getattr(module, name)
            assert getattr(value, "__doc__", None), f"{module.__name__}.{name}"


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import analognas", {"numpy", "pyarrow", "torch", "matplotlib", "scipy", "xgboost", "rich"}),
        ("import analognas; analognas.AnalogNASBench().query_metric(3, 'avm')",
         {"torch", "matplotlib", "scipy", "pandas", "xgboost", "sqlite3"}),
        # Estimates of true values fit a Gaussian process with scipy.
        ("import analognas; analognas.Worker(optimizer='regularized_evolution').search()",
         {"torch", "matplotlib", "pandas", "xgboost", "sklearn"}),
        ("import analognas.nn, analognas.physics", {"numba", "llvmlite", "matplotlib", "scipy", "pandas"}),
        ("from analognas.cli import main; main(['query', '3'])", {"torch", "matplotlib", "scipy", "pandas"}),
        ("import analognas.hardware; from analognas.cli import main; assert not main(['cost', 'No.3', '--out', 'x.png'])",
         {"torch", "scipy", "pandas", "pyarrow", "xgboost", "sqlite3", "numba"}),
        ("from analognas.cli import main; assert not main(['device', 'show', 'PCM'])",
         {"torch._dynamo", "torch._inductor", "sympy", "scipy", "pandas", "pyarrow", "xgboost", "sqlite3", "numba",
          "analognas.nn", "analognas.spaces", "analognas.tables"}),
    ],
)  # fmt: skip
def test_imports_are_light(statement, absent, tmp_path):
    code = f"import sys; {statement}; print(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path
    ).stdout
    assert not absent & set(output.split())


MODULES_OF = {
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
    "pillow": "PIL",
    "xgboost-cpu": "xgboost",
}


def test_every_dependency_is_imported():
    text = Path(__file__).parents[1].joinpath("pyproject.toml").read_text()
    listed = re.search(r"^dependencies = \[(.*?)^\]", text, re.DOTALL | re.MULTILINE)[1]
    names = [name.lower() for name in re.findall(r'^\s*"([A-Za-z0-9_.-]+)', listed, re.MULTILINE)]
    assert len(names) > 10
    imported = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.split(".")[0])
    assert {MODULES_OF.get(name, name) for name in names} <= imported


@pytest.mark.parametrize(
    ("owner", "forbidden"),
    [
        ("core/folders.py", r"\.mkdir\(|os\.makedirs"),
        ("core/limits.py", r"\bgzip\.decompress|LARGEST_RATIO \*|_(MOST_PIXELS|LARGEST_BESIDE)"),
        ("core/foreign_numbers.py", r"\bfloat\((cell|text|word)\b"),
    ],
)
def test_one_module_makes_folders_limits_files_and_reads_numbers(owner, forbidden):
    """Claims of folders, limits of archives and texts, and checks of foreign numbers have one place each."""
    others = [path for path in MODULES if path != PACKAGE / owner and "kernels" not in path.parts]
    found = [
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for path in others
        for line in without_examples(path.read_text()).splitlines()
        if re.search(forbidden, line)
    ]
    assert not found
