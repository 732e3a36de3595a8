"""The house as a whole: what an import loads, who imports whom, what is public, which version."""

import ast
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import recurra

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "recurra"

EVERYTHING = {
    "cells", "cli", "compiler", "data", "drawing", "engine", "errors", "interop",
    "layers", "nn", "program", "streaming", "training",
}  # fmt: skip

# Who may import whom, anywhere in a file, within a function too.
MAY_IMPORT = {
    "__init__": EVERYTHING - {"cli"},
    "__main__": {"cli"},
    "_version": set(),
    "errors": set(),
    "atomic": set(),
    "cells": {"errors"},
    "layers": {"errors", "cells", "engine"},  # the engine in layers/engines.py, on first use
    "interop": {"errors", "cells", "layers"},
    "nn": {"errors", "cells", "layers", "interop", "program", "engine"},
    "data": {"errors"},
    "drawing": {"errors", "atomic", "cells", "layers"},
    "training": {"errors", "atomic", "cells", "layers", "nn", "data", "drawing"},
    "program": {"errors"},
    "compiler": {"errors", "cells", "layers", "program"},
    "engine": {"errors", "cells", "layers", "program", "compiler"},
    "streaming": {"errors", "atomic", "engine"},
    "cli": EVERYTHING | {"__init__"},
}

# Packages that load without torch: what they need of it, they import within functions.
TORCH_FREE = {
    "__init__",
    "__main__",
    "_version",
    "atomic",
    "errors",
    "data",
    "program",
    "compiler",
    "engine",
    "streaming",
    "cli",
}

# Modules of those packages that are bridges to torch; they are imported within functions only.
BRIDGES = {
    ("compiler", name)
    for name in (
        "tracing", "attributes", "folding", "handlers", "lowering", "reading", "recording",
        "swapping", "watching",
    )
} | {
    ("engine", name)
    for name in (
        "blocks", "building", "calls", "checking", "describing", "eager", "explaining", "kinds",
        "memory", "plans", "freezing", "replay", "replayed", "running", "sequence", "structure",
    )
}  # fmt: skip

# Modules of those packages that nothing imports before their command runs.
LOADED_BY_COMMANDS = {
    ("cli", "demo", name) for name in ("idea", "learning", "picture", "recordings", "running")
}


# --- what an import loads -------------------------------------------------------------------------


def modules_loaded_by(statement: str, *folders: Path) -> set[str]:
    paths = [str(folder) for folder in folders]
    code = f"import sys; sys.path[:0] = {paths}; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "errors",
        "data",
        "program",
        "compiler",
        "engine._native",
        "engine.runtime",
        "streaming",
        "cli",
        "cli.app",
    ],
)
def test_importing_a_torch_free_module_loads_no_torch(module):
    loaded = modules_loaded_by(f"import recurra.{module}")

    assert "recurra" in loaded
    assert "torch" not in loaded


def test_that_check_notices_a_module_that_imports_torch(tmp_path):
    (tmp_path / "planted.py").write_text("import torch\n")

    assert "torch" in modules_loaded_by("import planted", tmp_path)


# --- who imports whom -----------------------------------------------------------------------------


def imports_of(tree: ast.AST, module: str) -> list[tuple[str, ast.stmt]]:
    """Every import statement with the full names it may bind: ``from a import b`` gives a.b."""
    found: list[tuple[str, ast.stmt]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            found += [(f"{base}.{alias.name}", node) for alias in node.names]
    return found


def package_of(name: str) -> str | None:
    """The package of recurra a full name is in; ``__init__`` for recurra's own names."""
    head, *rest = name.split(".")
    if head != "recurra":
        return None
    return rest[0] if rest and rest[0] in MAY_IMPORT else "__init__"


def runs_at_import(tree: ast.Module) -> set[ast.stmt]:
    """The statements that run when the module is imported: not in functions, not for types only."""
    found: set[ast.stmt] = set()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                waiting += child.orelse
                continue
            waiting.append(child)
        if isinstance(node, ast.stmt):
            found.add(node)
    return found


def faults_in(source: Path) -> list[str]:
    faults = []
    for file in sorted(source.rglob("*.py")):
        parts = file.relative_to(source).with_suffix("").parts
        package = parts[0]
        tree = ast.parse(file.read_text(encoding="utf-8"))
        light = package in TORCH_FREE and parts not in LOADED_BY_COMMANDS
        light = light and parts[:2] not in BRIDGES
        top = runs_at_import(tree) if light else set()
        for name, node in imports_of(tree, ".".join(("recurra", *parts))):
            where = f"{file.relative_to(source)}:{node.lineno}"
            target = package_of(name)
            allowed = MAY_IMPORT[package] | {package, "_version"}
            if target is not None and target not in allowed:
                faults.append(f"{where}: {package} imports {name}")
            elif node in top and loads_torch(name, target):
                faults.append(f"{where}: {package} loads torch when imported, by {name}")
    return faults


def loads_torch(name: str, target: str | None) -> bool:
    if target is None:
        return name.split(".")[0] == "torch"
    return target not in TORCH_FREE or tuple(name.split(".")[1:3]) in BRIDGES


def test_every_package_imports_only_what_its_row_allows():
    assert faults_in(SOURCE) == []


def test_every_package_has_a_row():
    assert {path.stem for path in SOURCE.iterdir() if path.suffix == ".py"} <= set(MAY_IMPORT)
    assert {path.name for path in SOURCE.iterdir() if list(path.rglob("*.py"))} <= set(MAY_IMPORT)


@pytest.mark.parametrize(
    ("package", "line", "fault"),
    [
        ("cells", "from recurra.layers import Recurrent", "cells imports recurra.layers.Recurrent"),
        ("cells", "from ..layers import Recurrent", "cells imports recurra.layers.Recurrent"),
        ("cells", "from recurra import layers", "cells imports recurra.layers"),
        ("layers", "from recurra import Stack", "layers imports recurra.Stack"),
        ("training", "def f():\n    import recurra.cli", "training imports recurra.cli"),
        ("streaming", "import torch.nn", "streaming loads torch when imported, by torch.nn"),
        ("streaming", "try:\n    import torch\nfinally:\n    pass", "by torch"),
        ("data", "class A:\n    from torch import nn", "by torch.nn"),
        ("engine", "from recurra.engine.eager import A", "by recurra.engine.eager.A"),
        ("engine", "from recurra.engine import eager", "by recurra.engine.eager"),
        ("compiler", "import recurra.compiler.tracing", "by recurra.compiler.tracing"),
        ("cli", "from recurra import cells", "cli loads torch when imported, by recurra.cells"),
    ],
)
def test_that_check_notices_a_planted_import(tmp_path, package, line, fault):
    (tmp_path / package).mkdir()
    (tmp_path / package / "planted.py").write_text(line + "\n")

    (found,) = faults_in(tmp_path)

    assert found.startswith(f"{package}/planted.py:")
    assert found.endswith(fault)


def test_that_check_lets_torch_free_packages_use_torch_within_functions_and_for_types(tmp_path):
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "fine.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from torch import Tensor\n"
        "def train():\n    import torch\n    from recurra.training import fit\n"
    )

    assert faults_in(tmp_path) == []


# --- what is public -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", recurra.__all__)
def test_every_public_name_resolves_and_is_listed(name):
    assert getattr(recurra, name) is not None
    assert name in dir(recurra)


def test_no_other_name_resolves():
    assert len(set(recurra.__all__)) == len(recurra.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = recurra.Nonsense


def test_the_package_says_that_it_is_typed():
    assert (SOURCE / "py.typed").exists()


# --- the command and the version ------------------------------------------------------------------

COMMAND = Path(sysconfig.get_path("scripts")) / "recurra"


@pytest.mark.parametrize("command", [[sys.executable, "-m", "recurra"], [str(COMMAND)]])
def test_the_command_says_the_version(command):
    done = subprocess.run([*command, "--version"], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    assert recurra.__version__ in done.stdout.split()


def test_the_command_names_the_extra_it_misses():
    code = "import sys; sys.modules['typer'] = None; from recurra.cli import main; main()"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert 'pip install "recurra[cli]"' in done.stderr
