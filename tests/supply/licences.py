"""`make licences`: every package that an agent or a collector installs has a licence that goes with Apache-2.0."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.supply.packages import installed, licence, pins

FILES = [Path("requirements/agent.txt"), Path("requirements/demo.txt")]
FITS = re.compile(r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL-2\.0|Mozilla Public License 2\.0|EPL|EDL"
                  r"|Eclipse|Unlicense|0BSD|Zlib|CC0", re.I)  # fmt: skip
"""MPL and EPL are copyleft by file: used as libraries, unchanged, they ask nothing of us."""


def main() -> None:
    unfit = []
    found = 0
    for package in installed(pin.name for pin in pins(FILES)):
        found += 1
        said = licence(package)
        if not FITS.search(said) or (re.search(r"\b(A?GPL|SSPL|BUSL)", said) and not re.search(r"LGPL| OR ", said)):
            unfit.append(f"{package.name} {package.version}: {said or 'says nothing'}")
    for line in unfit:
        print(line, file=sys.stderr)
    print(f"{found} packages, {len(unfit)} with a licence to look at")
    sys.exit(1 if unfit else 0)


if __name__ == "__main__":
    main()
