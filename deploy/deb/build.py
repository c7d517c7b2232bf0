"""Build the agent's Debian package: `make deb`, `make deb ARGS="--arch arm64"`. Nothing is compiled, nothing emulated.

The package holds an environment of its own in /opt/lamppost: wheels unpacked side by side for each Python that Debian
and Raspberry Pi OS ship (3.11 in 12, 3.13 in 13), so that nothing is fetched or built on the device. dpkg owns every
file; removing the package leaves nothing but settings and readings, and purging it not even those.

Wheels are pinned with hashes by requirements/agent.txt. The build is the same bytes again for the same sources.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PYTHONS = ("3.11", "3.13")
PLATFORMS = {
    "amd64": ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64", "manylinux_2_34_x86_64"),
    "arm64": ("manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_28_aarch64", "manylinux_2_34_aarch64"),
}
OPT = "opt/lamppost"
EPOCH = 1_700_000_000


def main() -> None:
    """Build one package and print its path."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--arch", choices=sorted(PLATFORMS), default="amd64")
    parser.add_argument("--version", help="a version of the package, when not the project's own")
    parser.add_argument("--out", type=Path, default=ROOT / "build")
    wants = parser.parse_args()
    version = wants.version or tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    wants.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        tree = Path(made) / "tree"
        ours = our_wheel(Path(made))
        for python in PYTHONS:
            site = tree / OPT / f"lib/python{python}/site-packages"
            wheels = Path(made) / f"wheels-{python}"
            download(python, wants.arch, wheels)
            for wheel in [*sorted(wheels.glob("*.whl")), ours]:
                unpack(wheel, site)
        environment(tree)
        debian(tree, version, wants.arch)
        print(pack(tree, wants.out / f"lamppost_{version}_{wants.arch}.deb"))


def our_wheel(folder: Path) -> Path:
    """The project as a wheel."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    source = folder / "source"
    ignored = shutil.ignore_patterns(".venv", ".git", "build", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis")
    shutil.copytree(ROOT, source, ignore=ignored)
    subprocess.run([*command, "--no-build-isolation", "-w", str(folder), str(source)], check=True)
    return next(folder.glob("lamppost-*.whl"))


def download(python: str, arch: str, folder: Path) -> None:
    """The pinned wheels for a Python and a processor; a package that has no wheel ends the build."""
    abi = "cp" + python.replace(".", "")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--require-hashes", "--python-version", python, "--implementation", "cp"]
    for name in (abi, "abi3", "none"):
        command += ["--abi", name]
    for platform in PLATFORMS[arch]:
        command += ["--platform", platform]
    subprocess.run([*command, "-r", str(ROOT / "requirements/agent.txt"), "-d", str(folder)], check=True)


def unpack(wheel: Path, site: Path) -> None:
    """A wheel is an archive of what belongs into site-packages; its scripts are not wanted."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if ".data/" not in entry.filename:
                archive.extract(entry, site)


def environment(tree: Path) -> None:
    """What makes a folder a virtual environment of Debian's own Python, and the command."""
    opt = tree / OPT
    (opt / "bin").mkdir(parents=True)
    (opt / "bin/python3").symlink_to("/usr/bin/python3")
    (opt / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    command = opt / "bin/lamppost"
    command.write_text("#!/opt/lamppost/bin/python3\nfrom lamppost import main\n\nmain()\n")
    command.chmod(0o755)
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/lamppost").symlink_to("/opt/lamppost/bin/lamppost")


def debian(tree: Path, version: str, arch: str) -> None:
    """Control files, unit, modules to load, copyright."""
    place = tree / "DEBIAN"
    place.mkdir()
    size_kib = sum(file.stat().st_size for file in tree.rglob("*") if file.is_file() and not file.is_symlink()) // 1024
    control = (HERE / "control").read_text()
    (place / "control").write_text(
        control.replace("@VERSION@", version).replace("@ARCH@", arch).replace("@SIZE@", str(size_kib))
    )
    for script in ("postinst", "prerm", "postrm"):
        shutil.copy(HERE / script, place / script)
        (place / script).chmod(0o755)
    unit = (ROOT / "edge_agent/device/lamppost-agent.service").read_text()
    unit = unit.replace("@PROGRAM@", "/opt/lamppost/bin/lamppost").replace("@CONFIG@", "/etc/lamppost/agent.yaml")
    write(tree / "usr/lib/systemd/system/lamppost-agent.service", unit)
    write(tree / "usr/lib/modules-load.d/lamppost.conf", "usbserial\ncdc_acm\n")
    write(tree / "usr/share/doc/lamppost/copyright", (ROOT / "LICENSE").read_text())


def write(path: Path, text: str) -> None:
    """A file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def pack(tree: Path, deb: Path) -> Path:
    """The package; times are those of the sources' epoch, so that a second build gives the same bytes."""
    for path in sorted(tree.rglob("*"), reverse=True):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(tree), str(deb)],
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH)},
    )
    return deb


if __name__ == "__main__":
    main()
