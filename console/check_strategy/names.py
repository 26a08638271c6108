"""What the names in a module stand for, as far as its text tells."""

import ast
from collections.abc import Iterator

_MUTABLE = (
    "list", "dict", "set", "collections.deque", "collections.defaultdict", "collections.Counter",
)  # fmt: skip


class Names:
    """The names of one module.

    `of_module` are mutable things of the module itself, `of_class` those that all instances of a
    class share; `own` are attributes that a method assigns.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._imported = dict(_imports(tree))
        self._sets: set[str] = set()
        self._classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        self.of_module = set(self._mutables(tree.body))
        self.of_class = {
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            for name in self._mutables(node.body)
        }
        assigned = [pair for node in ast.walk(tree) for pair in _assigned(node)]
        self.own = {ast.unparse(target).removeprefix("self.") for target, _ in assigned
                    if isinstance(target, ast.Attribute)}  # fmt: skip
        for target, value in assigned:
            if self.is_set(value):
                self._sets.add(ast.unparse(target))

    def full(self, node: ast.expr) -> str:
        """Return what a name or a chain of attributes stands for, "" for anything else."""
        match node:
            case ast.Name(id=name):
                return self._imported.get(name, name)
            case ast.Attribute(value=value, attr=attr):
                inner = self.full(value)
                return f"{inner}.{attr}" if inner else ""
            case _:
                return ""

    def is_set(self, node: ast.expr) -> bool:
        """Tell whether an expression is a set."""
        match node:
            case ast.Set() | ast.SetComp() | ast.Call(func=ast.Name(id="set" | "frozenset")):
                return True
            case ast.Call(func=ast.Attribute(value=value, attr=attr)):
                return attr in ("union", "intersection", "difference") and self.is_set(value)
            case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
                return self.is_set(left)
            case ast.Name() | ast.Attribute():
                return ast.unparse(node) in self._sets
            case _:
                return False

    def is_class(self, node: ast.expr) -> bool:
        """Tell whether an expression is a class of this module, or that of an object."""
        match node:
            case ast.Name(id=name):
                return name in self._classes
            case ast.Attribute(attr="__class__") | ast.Call(func=ast.Name(id="type")):
                return True
            case _:
                return False

    def _mutables(self, body: list[ast.stmt]) -> Iterator[str]:
        displays = ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
        for statement in body:
            for target, value in _assigned(statement):
                is_called = isinstance(value, ast.Call) and self.full(value.func) in _MUTABLE
                if isinstance(target, ast.Name) and (isinstance(value, displays) or is_called):
                    yield target.id


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield every local name and what was imported under it."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for one in names:
                    first = one.name.partition(".")[0]
                    yield (one.asname, one.name) if one.asname else (first, first)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                for one in names:
                    yield one.asname or one.name, f"{module}.{one.name}"
            case _:
                continue


def _assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield target, value
        case ast.AnnAssign(target=target, value=value) if value is not None:
            yield target, value
        case _:
            return
