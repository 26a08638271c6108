"""From a name in the configuration to a strategy class.

A name is one of the built-in ones, `package.module:Class`, `path/to/file.py:Class`, or a module
or file alone when exactly one strategy is written in it.
"""

import importlib
import importlib.util
import inspect
import sys
import traceback
from hashlib import blake2b
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import override

from services.strategy.author import Strategy
from shared.domain.errors import ConfigurationError

_CROSSOVER = "services.strategy.builtin.crossover"
_ORB = "services.strategy.builtin.opening_range_breakout:OpeningRangeBreakout"

BUILT_IN = {
    "ema_crossover": f"{_CROSSOVER}:EmaCrossover",
    "opening_range_breakout": _ORB,
    "orb": _ORB,
    "sma_crossover": f"{_CROSSOVER}:SmaCrossover",
}


def resolve(use: str) -> type[Strategy]:
    """Return the class; raise ConfigurationError, in one sentence, when there is none.

    Loading a strategy runs the module it is written in. The current folder counts as a place
    to find modules in, last of all.
    """
    place, _, class_name = BUILT_IN.get(use, use).rpartition(":")
    if not place:
        place, class_name = class_name, ""
    if place.endswith(".py"):
        module = _load_file(use, Path(place))
    elif class_name or "." in place:
        module = _load_module(use, place)
    else:
        raise ConfigurationError(
            f"strategy {use!r}: not a built-in one ({', '.join(BUILT_IN)}); name your own as"
            " package.module:Class or path/to/file.py:Class"
        )
    return _class_in(use, module, class_name)


def sources_of(cls: type[Strategy]) -> list[str]:
    """Return the modules that the class and its bases are written in, for the code's digest."""
    bases = (base for base in cls.__mro__ if issubclass(base, Strategy))
    modules = dict.fromkeys(base.__module__ for base in bases)
    return [name for name in modules if not name.startswith("services.strategy.")]


def _class_in(use: str, module: ModuleType, name: str) -> type[Strategy]:
    written = {
        cls.__name__: cls
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, Strategy) and cls.__module__ == module.__name__
    }
    if not name:
        if len(written) == 1:
            return next(iter(written.values()))
        found = ", ".join(written) or "none"
        raise ConfigurationError(
            f"strategy {use!r}: name one class, as in {use}:MyStrategy; strategies there: {found}"
        )
    cls: object = getattr(module, name, None)
    if cls is None:
        found = ", ".join(written) or "none"
        raise ConfigurationError(f"strategy {use!r}: no class {name!r}; strategies there: {found}")
    if not (isinstance(cls, type) and issubclass(cls, Strategy)) or cls is Strategy:
        raise ConfigurationError(
            f"strategy {use!r}: {name} is not a subclass of services.strategy.Strategy"
        )
    if inspect.isabstract(cls):
        raise ConfigurationError(f"strategy {use!r}: {name} leaves methods abstract")
    return cls


def _load_module(use: str, name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise ConfigurationError(
                f"strategy {use!r}: no module {error.name!r} in the Python path or in {here}"
            ) from None
        raise _broken(use, error) from error
    except (Exception, SystemExit) as error:
        raise _broken(use, error) from error


class _AsWritten(SourceFileLoader):
    """Compiles the file itself. Python's cache goes by size and second: an edit that changes
    neither would run as it was before, under the digest of what it is now.
    """

    @override
    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the file as it is."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _load_file(use: str, path: Path) -> ModuleType:
    """Load a file once, under a name that is the same wherever the file lies.

    The name holds a digest of the text: two files of one name do not meet.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"strategy {use!r}: {path}: {error.strerror}") from None
    digest = blake2b(text.replace(b"\r\n", b"\n"), digest_size=4).hexdigest()
    name = f"strategy_file_{path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    loader = _AsWritten(name, str(path.resolve()))
    spec = importlib.util.spec_from_loader(name, loader)
    if spec is None:
        raise ConfigurationError(f"strategy {use!r}: {path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = str(path.resolve().parent)
    sys.path.append(folder)  # so that the file can import what lies beside it
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _broken(use, error) from error
    finally:
        sys.path.remove(folder)
    return module


def _broken(use: str, error: BaseException) -> ConfigurationError:
    """Say in one sentence what went wrong while a module was loaded, and in which line."""
    if isinstance(error, SyntaxError):
        where, what = f"{error.filename}:{error.lineno}", error.msg
    else:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where, what = f"{frame.filename}:{frame.lineno}", str(error)
    return ConfigurationError(f"strategy {use!r}: {type(error).__name__}: {what} ({where})")
