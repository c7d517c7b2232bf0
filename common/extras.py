"""Packages that not everybody needs come with an extra of ours. We are on no registry: an extra is installed from the
sources, and a name that is fetched from elsewhere would be somebody else's.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path


def cure(extra: str) -> str:
    """What to do where a package of `extra` is missing."""
    if find_spec("pip") is None:  # a station's package holds what an agent needs, and nothing that could add to it
        return "this is a station's installation: use the server's, docs/install.md"
    sudo = "" if os.access(sys.prefix, os.W_OK) else "sudo "
    return f"in the sources of this version: {sudo}{Path(sys.prefix) / 'bin/pip'} install '.[{extra}]'"
