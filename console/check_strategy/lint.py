"""What in a strategy's source decides by something that is not on the tape.

Looked for: the wall clock, randomness, hashes of text (another one in each process), the order of
a set, files and networks, threads, and state outside the strategy's own attributes, which no
snapshot keeps. The source is read, not run. It is a lint: what it finds is usually wrong, what it
doesn't find may be.
"""

import ast
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import override

from msgspec import Struct

from console.check_strategy.names import Names
from services.strategy.author import Strategy

_CLOCK = "the wall clock: a replay sees another time"
_CHANCE = "chance: a replay draws other numbers"
_OUTSIDE = "read behind the engine's back: a replay may find something else there"
_ORDER = "a set has another order in each process"
_TIME = "use self.now_ns or bar.start_ns, the time of the tape"
_SEED = "derive it from the data, such as bar.start_ns"
_GIVE = "hand it over as a parameter, or read it in on_start from a file that never changes"

_CALLS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter",
         "time.localtime", "time.gmtime", "time.process_time", "time.ctime",
         "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today",
         "datetime.date.today"),
        (_CLOCK, _TIME),
    ),
    "time.sleep": ("it waits for the wall clock", "set a timer: self.set_timer(name, at_ns)"),
    "hash": ("the hash of text differs in each process", "compare or sort the values themselves"),
    "id": ("an address in memory differs in each process", "give things a name of their own"),
    "open": (_OUTSIDE, _GIVE),
    "input": (_OUTSIDE, _GIVE),
    "os.getenv": (_OUTSIDE, _GIVE),
    "os.listdir": ("files come in any order", "sort what it returns"),
    "os.urandom": (_CHANCE, _SEED),
    "os.getpid": ("it differs in each process", _GIVE),
    "glob.glob": ("files come in any order", "sort what it returns"),
}  # fmt: skip
_MODULES: Mapping[str, tuple[str, str]] = {
    "random": (_CHANCE, _SEED),
    "secrets": (_CHANCE, _SEED),
    "uuid": (_CHANCE, _SEED),
    "numpy.random": (_CHANCE, _SEED),
    **dict.fromkeys(
        ("socket", "urllib", "http", "requests", "httpx", "aiohttp", "sqlite3", "subprocess"),
        (_OUTSIDE, _GIVE),
    ),
    **dict.fromkeys(
        ("threading", "asyncio", "multiprocessing", "concurrent"),
        ("what runs beside the strategy ends in any order", "do the work in on_bar or on_timer"),
    ),
}
_PLACES: Mapping[str, tuple[str, str]] = {"os.environ": (_OUTSIDE, _GIVE)}
_ORDER_MATTERS = (
    "list", "tuple", "next", "iter", "enumerate", "zip", "map", "filter", "sum", "dict.fromkeys",
    "collections.deque",
)  # fmt: skip
_READS = ("read_text", "read_bytes", "iterdir", "urlopen")
_CHANGES = (
    "append", "add", "update", "extend", "insert", "pop", "popleft", "clear", "remove", "discard",
    "setdefault", "appendleft",
)  # fmt: skip


class Finding(Struct, frozen=True, order=True):
    """One place: `why` it may decide otherwise, and what to do `instead`."""

    path: str
    line: int
    column: int
    code: str
    why: str
    instead: str

    def line_of_text(self) -> str:
        """Return it in one line."""
        return f"{Path(self.path).name}:{self.line}: {self.code}: {self.why}; {self.instead}"


def lint_class(cls: type[Strategy]) -> list[Finding]:
    """Return what is found in the modules that a strategy and its bases are written in."""
    return [
        finding
        for path in sources_of(cls)
        for finding in lint_source(Path(path).read_text(encoding="utf-8"), path)
    ]


def sources_of(cls: type[Strategy]) -> list[str]:
    """Return the paths of the modules that a strategy and its bases are written in."""
    bases = [base for base in cls.__mro__ if issubclass(base, Strategy) and base is not Strategy]
    names = dict.fromkeys(base.__module__ for base in bases)
    paths = dict.fromkeys(inspect.getsourcefile(sys.modules[name]) for name in names)
    return [path for path in paths if path is not None]


def lint_source(source: str, path: str = "<strategy>") -> list[Finding]:
    """Return what is found in a source, by line; SyntaxError when it is none."""
    tree = ast.parse(source, path)
    linter = _Linter(path, source, Names(tree))
    linter.visit(tree)
    return sorted(set(linter.found))


class _Linter(ast.NodeVisitor):
    def __init__(self, path: str, source: str, names: Names) -> None:
        self.found: list[Finding] = []
        self._path = path
        self._source = source
        self._names = names
        self._depth = 0

    # Uses.

    @override
    def visit_Import(self, node: ast.Import) -> None:
        for one in node.names:
            self._module(node, one.name)

    @override
    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if not node.level and node.module is not None:
            self._module(node, node.module)

    def _module(self, node: ast.stmt, name: str) -> None:
        for module, told in _MODULES.items():
            if name == module or name.startswith(f"{module}."):
                self._find(node, *told)

    @override
    def visit_Call(self, node: ast.Call) -> None:
        name = self._names.full(node.func)
        told = _CALLS.get(name)
        if told is None:
            told = next((t for m, t in _MODULES.items() if name.startswith(f"{m}.")), None)
        if told is not None:
            self._find(node, *told)
        takes_set = any(self._names.is_set(argument) for argument in node.args)
        if name in _ORDER_MATTERS and takes_set:
            self._find(node, _ORDER, "use sorted() first")
        if name in ("max", "min") and takes_set and any(one.arg == "key" for one in node.keywords):
            self._find(node, "which of two equals comes first differs", "use sorted() first")
        if isinstance(node.func, ast.Attribute):
            self._method(node, node.func)
        self.generic_visit(node)

    def _method(self, node: ast.Call, function: ast.Attribute) -> None:
        if function.attr == "pop" and not node.args and self._names.is_set(function.value):
            self._find(node, _ORDER, "take min() or max()")
        if function.attr in _READS:
            self._find(node, _OUTSIDE, _GIVE)
        if function.attr == "join" and any(self._names.is_set(argument) for argument in node.args):
            self._find(node, _ORDER, "use sorted() first")
        if function.attr in _CHANGES:
            self._changed(node, function.value)

    @override
    def visit_Attribute(self, node: ast.Attribute) -> None:
        told = _PLACES.get(self._names.full(node))
        if told is not None:
            self._find(node, *told)
        self.generic_visit(node)

    @override
    def visit_For(self, node: ast.For) -> None:
        if self._names.is_set(node.iter):
            self._find(node.iter, _ORDER, "iterate over sorted(…)")
        self.generic_visit(node)

    @override
    def visit_comprehension(self, node: ast.comprehension) -> None:
        if self._names.is_set(node.iter):
            self._find(node.iter, _ORDER, "iterate over sorted(…)")
        self.generic_visit(node)

    @override
    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    @override
    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._find(node, "it would be called and never awaited", "write def")

    @override
    def visit_Global(self, node: ast.Global) -> None:
        self._find(node, "no snapshot keeps it, and two instances share it", "use self.…")

    @override
    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._assigned(node, target)
            if isinstance(target, ast.Tuple | ast.List) and self._names.is_set(node.value):
                self._find(node, _ORDER, "use sorted() first")
        self.generic_visit(node)

    @override
    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._assigned(node, node.target)
        self.generic_visit(node)

    @override
    def visit_Starred(self, node: ast.Starred) -> None:
        if self._names.is_set(node.value):
            self._find(node, _ORDER, "use sorted() first")
        self.generic_visit(node)

    @override
    def visit_Set(self, node: ast.Set) -> None:
        for one in node.elts:  # from a set into a set: no order is lost
            self.visit(one.value if isinstance(one, ast.Starred) else one)

    def _assigned(self, node: ast.stmt, target: ast.expr) -> None:
        if isinstance(target, ast.Subscript):
            self._changed(node, target.value)
        if isinstance(target, ast.Attribute) and self._names.is_class(target.value):
            self._find(node, "all instances share it, and no snapshot keeps it", "use self.…")

    def _changed(self, node: ast.AST, what: ast.expr) -> None:
        """Something is changed in a function: whose is it?"""
        if not self._depth:
            return
        names, name = self._names, ast.unparse(what)
        attribute = name.removeprefix("self.")
        if name in names.of_module:
            self._find(node, "no snapshot keeps a module's state", "make it in on_start: self.…")
        elif (
            name != attribute
            and attribute in self._names.of_class
            and attribute not in self._names.own
        ):
            self._find(
                node,
                "all instances share what is made in the class, and no snapshot keeps it",
                f"make it in on_start: {name} = …",
            )

    def _find(self, node: ast.AST, why: str, instead: str) -> None:
        code = (ast.get_source_segment(self._source, node) or "").partition("\n")[0].strip()
        line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0) + 1
        self.found.append(Finding(self._path, line, column, code[:60], why, instead))
