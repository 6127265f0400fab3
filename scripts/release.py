"""Builds the archive of a release: what HACS, the Marketplace and people by hand put into `custom_components/care_alerts`.

    python3 -m scripts.release [--tag TAG] [--notes FILE] [ARCHIVE]

With a tag nothing is built unless it is the manifest's version and CHANGELOG.md has its section; `--notes` writes that
section into a file. The same files give the same bytes. The workflow that publishes runs it on a Python of its own: it needs
nothing but git and the standard library.
"""

import argparse
import json
from pathlib import Path
import re
import subprocess
import sys
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

ROOT = Path(__file__).resolve().parent.parent
COMPONENT = ROOT / "custom_components" / "care_alerts"
ARCHIVE = json.loads((ROOT / "hacs.json").read_text())["filename"]


class ReleaseError(Exception):
    """What is to be released is not ready. The text says why."""


def version() -> str:
    """Return the version of the manifest."""
    return str(json.loads((COMPONENT / "manifest.json").read_text())["version"])


def notes(of: str) -> str:
    """Return what CHANGELOG.md says of a version.

    Raises:
        ReleaseError: it has no section of it, or an empty one.

    """
    section = re.search(
        rf"^## \[{re.escape(of)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## \[|^\[|\Z)",
        (ROOT / "CHANGELOG.md").read_text(),
        re.DOTALL | re.MULTILINE,
    )
    if section is None or not (text := section[1].strip()):
        raise ReleaseError(f"CHANGELOG.md has no section [{of}] with a date, or an empty one")
    return f"{text}\n"


def check(tag: str) -> None:
    """Hold a tag against the manifest and the changelog.

    Raises:
        ReleaseError: they say otherwise.

    """
    if tag.removeprefix("v") != version():
        raise ReleaseError(f"the tag is {tag}, the manifest says {version()}")
    notes(version())


def files() -> list[Path]:
    """Return what belongs to the component: what git knows of, or would."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=COMPONENT,
        capture_output=True,
        check=True,
        text=True,
    )
    names = (name for name in listed.stdout.split("\0") if name)
    return sorted(path for name in names if (path := COMPONENT / name).is_file())


def build(archive: Path) -> None:
    """Write the archive: the component's content, and the licence beside it."""
    with ZipFile(archive, "w", ZIP_DEFLATED) as writing:
        for path in (*files(), ROOT / "LICENSE"):
            name = path.relative_to(COMPONENT) if COMPONENT in path.parents else Path(path.name)
            # Without times and rights of whoever builds it.
            entry = ZipInfo(name.as_posix())
            entry.external_attr = 0o644 << 16
            entry.compress_type = ZIP_DEFLATED
            writing.writestr(entry, path.read_bytes())


def main() -> int:
    """Check, then build; 1 when something is not ready."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tag", help="what the release is called; checked first")
    parser.add_argument("--notes", type=Path, help="where to write what the changelog says of it")
    parser.add_argument("archive", type=Path, nargs="?", default=Path(ARCHIVE))
    options = parser.parse_args()
    try:
        if options.tag is not None:
            check(options.tag)
        if options.notes is not None:
            options.notes.write_text(notes(version()))
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    build(options.archive)
    print(f"release: {options.archive} of version {version()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
