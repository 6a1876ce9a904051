"""Files that come with kbind: what stands in `data/`."""

from __future__ import annotations

from pathlib import Path


def shipped(*parts: str) -> Path:
    """A file or folder of `data/`: as installed with kbind, or as it stands in the checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "shipped"
    return (installed if installed.is_dir() else package.parent / "data").joinpath(*parts)
