"""A release: one version, one licence, and artefacts that the same sources make again, byte for byte."""

import os
import re
import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import understudy
import understudy_agent
import understudy_cli
from tests.template import cfn
from tools.archive import NotAFile, first_difference, first_with, pack, sha256
from tools.release import CannotRelease, committed, publish, twice, version
from tools.sam_package import PathOutside, take_in

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ("postgresql", "pair", "mariadb", "redis")
PROJECTS = (
    "pyproject.toml",
    "agent/pyproject.toml",
    "cli/pyproject.toml",
    *(f"examples/{name}/pyproject.toml" for name in EXAMPLES),
)
CANONICAL_LICENCE = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
"""sha256 of the text of the Apache License 2.0 as it is published."""


def tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


# --- one version, one licence ----------------------------------------------------------------


def project(name: str) -> dict[str, object]:
    return dict(tomllib.loads((ROOT / name).read_text(encoding="utf-8"))["project"])


def test_every_place_that_says_the_version_says_that_of_the_project():
    (newest, *_) = re.findall(r"^## (\S+?),? ", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    said = {
        "the controller": understudy.VERSION,
        "the agent": understudy_agent.__version__,
        "the tool": understudy_cli.__version__,
        "the output of the template": cfn.source()["Outputs"]["Version"]["Value"],
        "the template": cfn.source()["Metadata"]["AWS::ServerlessRepo::Application"]["SemanticVersion"],
        **{f"the example {name}": project(f"examples/{name}/pyproject.toml")["version"] for name in EXAMPLES},
        "the newest section of the changelog": newest,
    }
    assert {place: number for place, number in said.items() if number != version()} == {}


def test_the_runbook_is_of_this_version():
    head = (ROOT / "docs/on-call.md").read_text(encoding="utf-8")[:400]
    assert re.findall(r"Version ([0-9.]+[0-9])", head) == [version()]


def test_every_project_and_the_template_name_the_licence_that_stands_in_the_file():
    application = cfn.source()["Metadata"]["AWS::ServerlessRepo::Application"]
    assert {project(name)["license"] for name in PROJECTS} | {application["SpdxLicenseId"]} == {"Apache-2.0"}
    assert sha256(ROOT / application["LicenseUrl"]) == CANONICAL_LICENCE


# --- archives --------------------------------------------------------------------------------


def test_times_umask_and_the_order_of_writing_are_not_in_an_archive(tmp_path):
    files = {"template.yaml": "a", "layers/b.py": "b", "install.sh": "c"}
    one = tree(tmp_path / "one", files)
    other = tree(tmp_path / "a-longer-name", dict(reversed(files.items())))
    (other / "an-empty-folder").mkdir()
    for path in other.rglob("*"):
        os.utime(path, (1, 1))
    (one / "install.sh").chmod(0o755)
    (other / "install.sh").chmod(0o700)
    (other / "template.yaml").chmod(0o600)
    for folder in (one, other):
        pack(folder, tmp_path / f"{folder.name}.tar.gz", root="understudy-1")
    assert first_difference(one, other) is None
    assert sha256(tmp_path / "one.tar.gz") == sha256(tmp_path / "a-longer-name.tar.gz")


def test_an_archive_holds_every_file_and_nobodys_name(tmp_path):
    folder = tree(tmp_path / "folder", {"a/b.py": "b", "c": "c"})
    pack(folder, tmp_path / "it.tar.gz", root="understudy-1")
    with tarfile.open(tmp_path / "it.tar.gz") as archive:
        entries = archive.getmembers()
        assert [entry.name for entry in entries] == ["understudy-1/a/b.py", "understudy-1/c"]
        assert {(entry.uid, entry.gid, entry.uname, entry.gname) for entry in entries} == {(0, 0, "", "")}
        archive.extractall(tmp_path / "out", filter="data")
    assert first_difference(folder, tmp_path / "out" / "understudy-1") is None
    assert str(tmp_path).encode() not in (tmp_path / "it.tar.gz").read_bytes()


def test_a_link_is_refused_instead_of_left_out(tmp_path):
    folder = tree(tmp_path, {"a": "a"})
    (folder / "b").symlink_to("a")
    with pytest.raises(NotAFile, match="b is neither a file nor a folder"):
        pack(folder, tmp_path.parent / "it.tar.gz")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "b").write_text("other"), "b differs"),
        (lambda folder: (folder / "a").unlink(), r"a is only in .*one"),
        (lambda folder: (folder / "aa").write_text(""), r"aa is only in .*other"),
        (lambda folder: (folder / "c").chmod(0o755), r"c may be executed in .*other only"),
    ],
)
def test_the_first_difference_is_named(tmp_path, change, said):
    files = {"a": "a", "b": "b", "c": "c"}
    one, other = tree(tmp_path / "one", files), tree(tmp_path / "other", files)
    change(other)
    assert re.fullmatch(said, first_difference(one, other) or "")


# --- building twice --------------------------------------------------------------------------


def sources(folder: Path) -> None:
    tree(folder, {"app.py": "pass"})


def repeatable(source: Path, work: Path) -> Path:
    return tree(work / "repeatable", {"app.py": (source / "app.py").read_text()})


def of_its_folder(source: Path, work: Path) -> Path:
    return tree(work / "built", {"app.py": "pass", "z/RECORD": str(source)})


def of_the_umask(source: Path, work: Path) -> Path:
    return tree(work / "built", {"modes": oct((tree(work, {"x": ""}) / "x").stat().st_mode)})


def test_what_builds_alike_twice_is_published_with_its_hash(tmp_path):
    built = twice({"understudy": repeatable}, sources, tmp_path / "work")
    sums = publish(built, "1.2.3", tmp_path / "dist", [str(tmp_path)])
    archive = tmp_path / "dist" / "understudy-1.2.3.tar.gz"
    assert sums.read_text() == f"{sha256(archive)}  understudy-1.2.3.tar.gz\n"


def test_a_wheel_is_published_as_it_is_under_its_own_name(tmp_path):
    """A name tells the installer what is in it, and an archive around it would hide that."""
    folder, name = tree(tmp_path / "built", {}), "understudy_cli-1.2.3-py3-none-any.whl"
    folder.mkdir()
    with zipfile.ZipFile(folder / name, "w") as made:
        made.writestr("understudy_cli/__init__.py", "")
    sums = publish({"understudy-cli": (folder, folder)}, "1.2.3", tmp_path / "dist", [])
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert wheel.read_bytes() == (folder / name).read_bytes()
    assert sums.read_text() == f"{sha256(wheel)}  {name}\n"


@pytest.mark.parametrize(("build", "file"), [(of_its_folder, "z/RECORD"), (of_the_umask, "modes")])
def test_a_build_that_depends_on_the_machine_is_refused_with_the_file_and_nothing_is_published(tmp_path, build, file):
    built = twice({"understudy": repeatable, "understudy-agent": build}, sources, tmp_path / "work")
    with pytest.raises(CannotRelease, match=rf"^understudy-agent: .* are not the same: {file} differs"):
        publish(built, "1.2.3", tmp_path / "dist", [])
    assert not (tmp_path / "dist").exists()


def test_a_file_that_names_the_building_machine_is_refused_also_when_both_builds_do(tmp_path):
    def named(source: Path, work: Path) -> Path:
        return tree(work / "built", {"app.py": "pass", "direct_url.json": f'"{tmp_path}/.venv"'})

    built = twice({"understudy": named}, sources, tmp_path / "work")
    with pytest.raises(CannotRelease, match=r"direct_url\.json names "):
        publish(built, "1.2.3", tmp_path / "dist", [str(tmp_path)])


def test_bytecode_is_found(tmp_path):
    assert first_with(tree(tmp_path, {"a.py": "", "__pycache__/a.pyc": ""}), []) == "__pycache__/a.pyc is bytecode"


def test_a_path_of_the_machine_is_found_inside_a_wheel_too(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("a/RECORD", f"{tmp_path} " * 50)
    assert first_with(tmp_path, [str(tmp_path)]) == f"a.whl/a/RECORD names {tmp_path}"


def test_the_two_builds_differ_in_umask_and_environment_and_leave_both_as_they_were(tmp_path):
    before = (os.umask(0o027), dict(os.environ))
    seen: list[tuple[int, str]] = []

    def looking(source: Path, work: Path) -> Path:
        umask = os.umask(0)
        os.umask(umask)
        seen.append((umask, os.environ["TZ"]))
        return repeatable(source, work)

    try:
        twice({"understudy": looking}, sources, tmp_path)
        assert (os.umask(0o027), dict(os.environ)) == (0o027, before[1])
    finally:
        os.umask(before[0])
    assert len(set(seen)) == 2


def git(repository: Path, *arguments: str) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=repository, check=True, capture_output=True)


def test_a_release_is_built_from_what_is_committed(tmp_path):
    repository = tree(tmp_path / "repository", {"a.py": "committed", ".gitignore": "dist/\n", "dist/it": "built"})
    git(repository, "init", "--quiet")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "all of it")
    committed(tmp_path / "source", repository)
    assert (tmp_path / "source" / "a.py").read_text() == "committed"
    assert not (tmp_path / "source" / "dist").exists()
    tree(repository, {"a.py": "changed", "b.py": "forgotten"})
    with pytest.raises(CannotRelease, match=r"not committed: a\.py, b\.py"):
        committed(tmp_path / "again", repository)


# --- the package for sam deploy --------------------------------------------------------------


def built_by_sam(base: Path, template: str) -> tuple[Path, Path]:
    """(the folder that sam made, the sources)"""
    source = tree(base / "source", {"statemachine/it.json": "{}", "layers/controller/a.py": "", "LICENSE": "text"})
    tree(source, {"layers/controller/__pycache__/a.pyc": ""})
    return tree(base / "work" / "package", {"template.yaml": template}), source


def test_what_sam_build_leaves_outside_is_taken_into_the_package(tmp_path):
    template = """\
Metadata:
    LicenseUrl: ../../source/LICENSE
Resources:
      DefinitionUri: ../../source/statemachine/it.json
      ContentUri: ../../source/layers/controller
      CodeUri: AdviseFunction
"""
    package, source = built_by_sam(tmp_path, template)
    take_in(package, source)
    rewritten = (package / "template.yaml").read_text()
    assert rewritten == template.replace("../../source/", "")
    assert sorted(path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()) == [
        "LICENSE",
        "layers/controller/a.py",
        "statemachine/it.json",
        "template.yaml",
    ]


@pytest.mark.parametrize("path", ["../../source/gone.json", "../../elsewhere/it.json"])
def test_a_file_that_the_package_cannot_carry_is_refused(tmp_path, path):
    tree(tmp_path / "elsewhere", {"it.json": "{}"})
    package, source = built_by_sam(tmp_path, f"      DefinitionUri: {path}\n")
    with pytest.raises(PathOutside, match=re.escape(path)):
        take_in(package, source)
