"""`make audit-packages`: pip-audit on the pinned files. A check that could not be made is a failure, never silence."""

from __future__ import annotations

import shutil
import subprocess
import sys


def main() -> None:
    tool = shutil.which("pip-audit")
    if tool is None:
        sys.exit("NOT CHECKED: pip-audit is not installed (pipx install pip-audit); nothing is known about weaknesses")
    words = [word for file in sys.argv[1:] for word in ("-r", file)]
    ended = subprocess.run(
        [tool, "--require-hashes", "--disable-pip", "--progress-spinner", "off", *words],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    print(ended.stdout, end="")
    if ended.returncode == 0:
        print("no known weakness in any pinned package")
        return
    if "ConnectionError" in ended.stderr or "Max retries" in ended.stderr or "ServiceError" in ended.stderr:
        sys.exit("NOT CHECKED: the service with the advisories cannot be reached; nothing is known about weaknesses")
    sys.exit(ended.stderr[-2000:] or "known weaknesses, see above")


if __name__ == "__main__":
    main()
