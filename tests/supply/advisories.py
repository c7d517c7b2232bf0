"""`make audit-packages`: pip-audit on the pinned files. A check that could not be made is a failure, never silence.

pip-audit asks a package index first, and calls a package that the index does not know "skipped" with exit code 0: a
mirror without advisories would read as a clean bill. So its JSON is read, and each package counts only when it was
looked up. What the index does not tell, the OSV database is asked for.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Final

SERVICES: Final = ("pypi", "osv")
TIMEOUT_S: Final = 300
UNCHECKED, WEAK = 8, 1
"""Exit codes: advisories could not be had, or there are some."""


def main() -> None:
    tool, *files = sys.argv[1:]
    sys.exit(report([found for service in SERVICES if (found := ask(tool, service, files)) is not None]))


def ask(tool: str, service: str, files: list[str]) -> dict[str, Any] | None:
    """What one service says of every pinned package, or None when it cannot be had."""
    words = [word for file in files for word in ("-r", file)]
    try:
        ended = subprocess.run(
            [tool, "-s", service, "-f", "json", "--require-hashes", "--disable-pip", "--progress-spinner", "off",
             *words],
            capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(ended.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        print(f"{service}: cannot be had", file=sys.stderr)
        return None
    return found


def report(answers: list[dict[str, Any]]) -> int:
    """Say what is known of each package; the exit code."""
    packages: dict[str, bool] = {}
    weak: dict[str, str] = {}
    for answer in answers:
        for one in answer["dependencies"]:
            packages[one["name"]] = packages.get(one["name"], False) or "vulns" in one
            for known in one.get("vulns", ()):
                cure = ", ".join(known.get("fix_versions", ())) or "none yet"
                weak[f"{one['name']} {one['version']}: {known['id']}"] = cure
    for what, cure in sorted(weak.items()):
        print(f"{what}; mended in: {cure}")
    unknown = sorted(name for name, looked_up in packages.items() if not looked_up)
    if unknown or not packages:
        which = ", ".join(unknown) or "every package"
        print(f"NOT CHECKED: no service with advisories could be asked about {which}", file=sys.stderr)
        print("Cure: run it where the package index or api.osv.dev can be reached", file=sys.stderr)
    else:
        print(f"{len(packages)} packages looked up, {len(weak)} known weaknesses")
    return WEAK if weak else UNCHECKED if unknown or not packages else 0


if __name__ == "__main__":
    main()
