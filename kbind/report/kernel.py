"""The process that runs a chapter: a kernel that opens no port of the machine."""

from __future__ import annotations

from functools import partial

from ipykernel import kernelapp
from ipykernel.iostream import IOPubThread


def main() -> None:
    """Run until told to end, as the kernels of notebooks do."""
    # a kernel opens a port for what forked processes print, even where it speaks through files itself
    vars(kernelapp)["IOPubThread"] = partial(IOPubThread, pipe=False)
    kernelapp.IPKernelApp.launch_instance()


if __name__ == "__main__":
    main()
