"""Finds, checks and imports a user's own code by an import path: package.module:name."""

import ast
import contextlib
import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from jaxgan.config.errors import UserError

# Not TFDS's "mnist:3.0.1", whose version is no Python name.
IMPORT_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
FORM = "package.module:function of your own"
WHERE = "must be installed, in the folder where the command runs, or in one that PYTHONPATH names"

# A run directory can come from a stranger. What its record names is imported only if the command,
# or the config that it trains, names it too.
_from_records: set[str] = set()
_trusted: set[str] = set()


def is_import_path(name: str) -> bool:
    return bool(IMPORT_PATH.fullmatch(name))


def note_recorded(paths: Iterable[str]) -> None:
    """Notes paths that the record of a run names; they are not imported unless trusted."""
    _from_records.update(paths)


def trust(*paths: str) -> None:
    """Allows to import paths, whatever names them."""
    _trusted.update(paths)


def load_attribute(what: str, path: str) -> Any:
    """Imports what a path names.

    Args:
      what: begins the message of an error, such as "config.loss = 'losses:own'".

    Raises:
      UserError: it cannot be imported, or only the record of a run names it.
    """
    if path in _from_records - _trusted:
        # All at once, so that a run of several parts needs one more try and not several.
        paths = sorted(_from_records - _trusted)
        raise UserError(
            f"{what}: is code that a run's record names, and is run only if the command names it "
            f"too; if you trust it, add --trust {','.join(paths)} (in Python: "
            f"jaxgan.config.trust({', '.join(map(repr, paths))}))"
        )
    module, _, name = path.partition(":")
    try:
        with importable(Path.cwd()):
            return getattr(importlib.import_module(module), name)
    # Importing the user's module runs it, which can fail in any way.
    except Exception as error:
        reason = f"cannot be imported: {type(error).__name__}: {error}"
        raise UserError(f"{what}: {reason}; {WHERE}") from error


def check_defined(what: str, path: str, arguments: tuple[str, ...] | None) -> None:
    """Checks that a module defines a name, without running the module.

    What cannot be known from its text alone, as of a name that is computed, is let through.

    Args:
      what: begins the message of an error.
      arguments: those that the function is called with; None if it need not be a function.

    Raises:
      UserError: there is no such module or name, or it cannot take these arguments.
    """
    module, _, name = path.partition(":")
    spec = _find_module(module)
    if spec is None:
        raise UserError(f"{what}: there is no module {module}; it {WHERE}")
    if not (spec.has_location and str(spec.origin).endswith(".py")):
        return
    try:
        tree = ast.parse(Path(str(spec.origin)).read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(f"{what}: {spec.origin} cannot be read ({error})") from None
    defined = _definitions(tree)
    if name not in defined:
        if "*" in defined or "__getattr__" in defined:
            return
        imports = (ast.Import, ast.ImportFrom)
        own = [word for word, node in defined.items() if not isinstance(node, imports)]
        names = ", ".join(word for word in own if not word.startswith("_"))
        raise UserError(f"{what}: {spec.origin} has no {name}; it has {names or 'no names'}")
    function = defined[name]
    if arguments and isinstance(function, ast.FunctionDef) and not _takes(function, len(arguments)):
        wanted = ", ".join(arguments)
        raise UserError(
            f"{what}: {name} in {spec.origin} takes ({ast.unparse(function.args)}); must take "
            f"({wanted})"
        )


def source_sha256(path: str) -> str:
    """Returns the SHA-256 of the file of a path's module; "" if there is none."""
    spec = _find_module(path.partition(":")[0])
    if spec is None or not spec.has_location:
        return ""
    try:
        return hashlib.sha256(Path(str(spec.origin)).read_bytes()).hexdigest()
    except OSError:
        return ""


@contextlib.contextmanager
def importable(*folders: Path) -> Iterator[None]:
    """Lets modules in these folders be imported for the moment."""
    before = list(sys.path)
    # Last, so that a file in them hides no installed module of the same name.
    sys.path += [str(folder) for folder in folders if str(folder) not in before]
    try:
        yield
    finally:
        sys.path[:] = before


def _find_module(name: str) -> ModuleSpec | None:
    """Finds a module without importing it, nor the packages that it is in."""
    first, *rest = name.split(".")
    with importable(Path.cwd()):
        try:
            spec = importlib.util.find_spec(first)
        # Of a module that was put into `sys.modules` by hand.
        except ValueError:
            return None
        for part in rest:
            if spec is None or spec.submodule_search_locations is None:
                return None
            folders = list(spec.submodule_search_locations)
            spec = PathFinder.find_spec(f"{spec.name}.{part}", folders)
    return spec


def _definitions(tree: ast.Module) -> dict[str, ast.AST]:
    """Returns the names that the text of a module defines outside of functions and classes."""
    found: dict[str, ast.AST] = {}
    pending: list[ast.AST] = list(reversed(tree.body))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            # Decorated, it may take other arguments than its text says.
            found[node.name] = ast.Pass() if node.decorator_list else node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(x.asname or x.name).partition(".")[0]: node for x in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = node
        elif not isinstance(node, ast.Lambda):
            pending += reversed(list(ast.iter_child_nodes(node)))
    return found


def _takes(function: ast.FunctionDef, count: int) -> bool:
    """Returns whether a function can be called with this many positional arguments."""
    args = function.args
    positional = len(args.posonlyargs) + len(args.args)
    required = positional - len(args.defaults)
    unfilled = any(default is None for default in args.kw_defaults)
    return required <= count <= (positional if args.vararg is None else count) and not unfilled
