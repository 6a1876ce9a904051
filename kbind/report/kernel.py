"""The process that runs a chapter: a kernel that opens no port of the machine."""

from __future__ import annotations

from typing import Any

from ipykernel import kernelapp
from ipykernel.iostream import IOPubThread


class _WithoutPort(IOPubThread):
    """The thread that hands on what cells print, without the port on which forked processes would reach it."""

    def __init__(self, socket: Any, pipe: bool = False, session: Any = False) -> None:
        super().__init__(socket, pipe=False, session=session)  # type: ignore[no-untyped-call]


def main() -> None:
    """Run until told to end, as the kernels of notebooks do."""
    vars(kernelapp)["IOPubThread"] = _WithoutPort
    kernelapp.IPKernelApp.launch_instance()


if __name__ == "__main__":
    main()
