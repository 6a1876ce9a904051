"""kbind: customer-retention research (Kundenbindung) from a company's own data.

Import as ``import kbind as kb``. Names are loaded when first used, so that importing costs next to nothing. Which there
are stands in `__init__.pyi`, which type checkers read as well. Results are documented where they are made.
"""

import ast
import pkgutil
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_HOMES = {
    alias.name: found.module
    for found in ast.parse(pkgutil.get_data(__name__, "__init__.pyi") or b"").body
    if isinstance(found, ast.ImportFrom)
    for alias in found.names
}

__all__ = [name for name in _HOMES if not name.startswith("_")]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kbind' has no attribute {name!r}")
    home = _HOMES[name]
    value = import_module(f"kbind.{name}") if home == "kbind" else getattr(import_module(home), name)
    globals()[name] = value
    return value


class _Package(ModuleType):
    """Where a room and a function have the same name, loading the room does not hide the function."""

    def __setattr__(self, name: str, value: object) -> None:
        if not isinstance(value, ModuleType) or _HOMES.get(name, __name__) == __name__:
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
