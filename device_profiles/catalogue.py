"""All profiles by name: the shipped ones, and a user's folder that overrides by name and version.

Loading reads names only (the file is called `name.yaml` or `name@2.yaml`); a profile is parsed when somebody asks
for it, because a small device runs three sensors and should not pay for forty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from common.strict_model import load as load_model
from common.strict_model import word
from common.strict_yaml import NotUsable, Problem
from device_profiles.profile import Profile

SHIPPED = Path(__file__).parent / "models"
_FILE = re.compile(r"([a-z0-9][a-z0-9-]{0,62})(?:@([0-9]{1,4}))?\.yaml")


class UnknownProfile(KeyError):
    """No profile of that name or version; the message names the nearest."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(slots=True)
class Catalogue:
    """Profiles by reference; `get` parses and keeps."""

    _files: dict[str, dict[int, Path]]
    _loaded: dict[Path, Profile] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Every name, sorted."""
        return sorted(self._files)

    def __iter__(self) -> Iterator[Profile]:
        """The newest version of every profile."""
        return (self.get(name) for name in self.names())

    def path(self, ref: str) -> Path:
        """The file behind `name` (its newest version) or `name@version`. Raises UnknownProfile."""
        name, _, version = ref.partition("@")
        versions = self._files.get(name)
        if versions is None:
            raise UnknownProfile(f"profile {word(name, self._files)}")
        if not version:
            return versions[max(versions)]
        if not version.isdecimal() or int(version) not in versions:
            known = ", ".join(f"{name}@{number}" for number in sorted(versions))
            raise UnknownProfile(f"profile {ref} is not known; there is {known}")
        return versions[int(version)]

    def get(self, ref: str) -> Profile:
        """The profile. Raises UnknownProfile, or NotUsable when its file is wrong or cannot be read."""
        path = self.path(ref)
        if path not in self._loaded:
            try:
                self._loaded[path] = read(path)
            except OSError as error:
                raise NotUsable([Problem(str(path), 1, "", f"cannot be read: {error.strerror}")]) from error
        return self._loaded[path]


def load(folder: Path | None = None) -> Catalogue:
    """The shipped profiles, overridden by those of a user's `folder`."""
    files: dict[str, dict[int, Path]] = {}
    for place in (SHIPPED, folder):
        for path in sorted(place.glob("*.yaml")) if place is not None else ():
            matched = _FILE.fullmatch(path.name)
            if matched is None:
                raise NotUsable(
                    [Problem(str(path), 1, "", "a profile's file is called name.yaml or name@version.yaml")]
                )
            files.setdefault(matched[1], {})[int(matched[2] or 1)] = path
    return Catalogue(files)


def read(path: Path) -> Profile:
    """One profile from its file, which must be named like it. Raises NotUsable."""
    profile = load_model(Profile, path)
    right = [f"{profile.name}.yaml"] if profile.version == 1 else []
    right.append(f"{profile.ref}.yaml")
    if path.name not in right:
        raise NotUsable([Problem(str(path), 1, "profile", f"the file of {profile.ref} is called {' or '.join(right)}")])
    return profile
