"""What is released: nothing that is not ready, and an archive with all that a home needs."""

from pathlib import Path
from zipfile import ZipFile

import pytest

from scripts import release
from scripts.release import ROOT, ReleaseError


def changelog(monkeypatch: pytest.MonkeyPatch, directory: Path, text: str) -> None:
    """Have another changelog, in a checkout of its own."""
    (directory / "CHANGELOG.md").write_text(text)
    monkeypatch.setattr(release, "ROOT", directory)


def test_the_changelog_has_the_version_of_the_manifest() -> None:
    release.check(f"v{release.version()}")
    assert "### Added" in release.notes(release.version())
    text = (ROOT / "CHANGELOG.md").read_text()
    assert text.count("## [Unreleased]") == 1
    assert text.index("## [Unreleased]") < text.index(f"## [{release.version()}]")


@pytest.mark.parametrize("tag", ["v0.0.9", "v0.1.0-rc1", "latest", "v"])
def test_a_tag_that_is_not_the_version_is_refused(tag: str) -> None:
    with pytest.raises(ReleaseError, match="the manifest says"):
        release.check(tag)


@pytest.mark.parametrize(
    "text",
    [
        "## [Unreleased]\n\n- News\n",
        "## [{version}]\n\n- Without a date\n",
        "## [{version}] - 2026-11-30\n\n## [0.0.1] - 2026-11-01\n\n- Older\n",
        "## [1{version}] - 2026-11-30\n\n- Of another one\n",
    ],
)
def test_a_version_without_its_section_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    changelog(monkeypatch, tmp_path, text.replace("{version}", release.version()))
    with pytest.raises(ReleaseError, match="no section"):
        release.check(release.version())


def test_notes_are_one_section(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = "## [2.0.0] - 2026-12-24\n\n### Added\n\n- This\n\n## [1.0.0] - 2026-11-30\n\n- That\n\n[2.0.0]: there\n"
    changelog(monkeypatch, tmp_path, text)
    assert release.notes("2.0.0") == "### Added\n\n- This\n"
    assert release.notes("1.0.0") == "- That\n"


def test_the_archive_has_what_a_home_needs_and_nothing_else(tmp_path: Path) -> None:
    release.build(tmp_path / "one.zip")
    release.build(tmp_path / "other.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
    with ZipFile(tmp_path / "one.zip") as archive:
        names = set(archive.namelist())
        assert archive.testzip() is None
    needed = {"__init__.py", "manifest.json", "services.yaml", "LICENSE", "brand/icon.png"}
    assert needed | {"translations/en.json", "frontend/care-alerts.js"} <= names
    component = release.COMPONENT
    there = {str(path.relative_to(component)) for path in component.rglob("*") if path.is_file()}
    compiled = {name for name in there if name.endswith(".pyc")}
    assert names - {"LICENSE"} == there - compiled
