"""Which files of a folder are read, and in which order."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from contextlib import chdir

import pytest

from ctxzip.errors import UsageError
from ctxzip.reading.folders import choice, files_in


def make(folder, **files):
    """Write files; `__` in a name stands for a slash, `_` at its beginning for a dot, and a last `_md` for `.md`."""
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_md", ".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def found(folder, *, include=(), exclude=()):
    """Return the paths of files below a folder, and the causes of what is skipped."""
    skipped: Counter[str] = Counter()
    files = files_in(str(folder), choice(include, exclude), skipped)
    return [os.path.relpath(path, folder) for path in files], dict(skipped)


def test_files_come_by_name_at_each_level(tmp_path):
    """A folder stands where its name does."""
    make(tmp_path, b_md="b", c__z_md="z", c__a__y_md="y", a_md="a", d_md="d")
    assert found(tmp_path) == (["a.md", "b.md", "c/a/y.md", "c/z.md", "d.md"], {})


def test_hidden_files_and_folders_are_skipped_and_counted(tmp_path):
    """A hidden folder counts once; a folder that the user names is read whatever its name."""
    make(tmp_path, a_md="a")
    make(tmp_path / ".notes", a_md="a", b_md="b")
    (tmp_path / ".env").write_text("secret")
    assert found(tmp_path) == (["a.md"], {"hidden": 2})
    assert found(tmp_path / ".notes") == (["a.md", "b.md"], {})


def test_files_with_a_nul_byte_near_their_beginning_are_skipped(tmp_path):
    """Gzipped text is text, a gzipped binary file is none, and a NUL far behind is not looked for."""
    make(tmp_path, image=b"\x89PNG\0", far_md=b"a" * 9000 + b"\0", empty_md=b"")
    (tmp_path / "text.gz").write_bytes(gzip.compress(b"text"))
    (tmp_path / "tar.gz").write_bytes(gzip.compress(b"a\0b"))
    assert found(tmp_path) == (["empty.md", "far.md", "text.gz"], {"binary": 2})


def test_gitignore_is_honoured_with_those_below_it(tmp_path):
    """The nearest file decides; what is in an ignored folder cannot be brought back."""
    make(tmp_path, a_md="a", x="x", build__b_md="b", sub__build__c_md="c", sub__x="x")
    (tmp_path / ".gitignore").write_text("# comment\n/build/\nx\n")
    (tmp_path / "sub" / ".gitignore").write_text("!x\n")
    assert found(tmp_path) == (["a.md", "sub/build/c.md", "sub/x"], {"hidden": 2, "in .gitignore": 2})


def test_gitignore_of_the_repository_above_is_honoured(tmp_path):
    """Only up to the folder with .git; a folder that is ignored itself is read when it is named."""
    make(tmp_path, repo__docs__a_md="a", repo__docs__b_log="b", repo__build__c_md="c")
    (tmp_path / ".gitignore").write_text("*\n")
    (tmp_path / "repo" / ".git").mkdir()
    (tmp_path / "repo" / ".gitignore").write_text("*_log\nbuild/\n")
    assert found(tmp_path / "repo" / "docs") == (["a.md"], {"in .gitignore": 1})
    assert found(tmp_path / "repo" / "build") == (["c.md"], {})
    with chdir(tmp_path / "repo" / "docs"):
        assert found(".") == (["a.md"], {"in .gitignore": 1})


@pytest.mark.parametrize("line", ["!", "[z-a]", "\\", b"\xff\xfe".decode("latin-1")])
def test_a_line_of_gitignore_that_is_no_pattern_is_passed_over(tmp_path, line):
    """As git does; the other lines hold."""
    make(tmp_path, a_md="a", x="x")
    (tmp_path / ".gitignore").write_bytes(line.encode("latin-1") + b"\nx\n")
    assert found(tmp_path) == (["a.md"], {"hidden": 1, "in .gitignore": 1})


def test_include_and_exclude_choose_files_by_pattern(tmp_path):
    """As in .gitignore: a name at any depth, a path from the folder, a folder; what they leave out is not counted."""
    make(tmp_path, a_md="a", a="a", sub__b_md="b", sub__c="c", drafts__d_md="d")
    assert found(tmp_path, include=["*.md"]) == (["a.md", "drafts/d.md", "sub/b.md"], {})
    assert found(tmp_path, include=["/*.md", "sub/c"])[0] == ["a.md", "sub/c"]
    assert found(tmp_path, include=["*.md"], exclude=["drafts/", "b.*"])[0] == ["a.md"]
    assert found(tmp_path, include=["sub/**"])[0] == ["sub/b.md", "sub/c"]


@pytest.mark.parametrize("option", ["include", "exclude"])
@pytest.mark.parametrize("pattern", ["", "!", "[z-a]", "#"])
def test_a_pattern_that_matches_nothing_is_a_usage_error(option, pattern):
    """It names the option."""
    with pytest.raises(UsageError, match=f"^{option}=.*expected a pattern of file names"):
        choice([pattern] if option == "include" else [], [pattern] if option == "exclude" else [])


def test_links_to_folders_are_not_followed(tmp_path):
    """A loop ends; links to files are read, and so is a link that the user names."""
    make(tmp_path, docs__a_md="a")
    (tmp_path / "docs" / "loop").symlink_to(tmp_path / "docs", target_is_directory=True)
    (tmp_path / "docs" / "b.md").symlink_to("a.md")
    (tmp_path / "link").symlink_to("docs", target_is_directory=True)
    assert found(tmp_path / "docs") == (["a.md", "b.md"], {"links to folders": 1})
    assert found(tmp_path / "link")[0] == ["a.md", "b.md"]


def test_a_pipe_is_skipped(tmp_path):
    """To open it would wait for a writer."""
    make(tmp_path, a_md="a")
    os.mkfifo(tmp_path / "pipe")
    assert found(tmp_path) == (["a.md"], {"pipes and devices": 1})


def test_what_cannot_be_read_is_found_so_that_it_is_reported(tmp_path):
    """Links that lead nowhere or to themselves."""
    (tmp_path / "gone.md").symlink_to("nowhere")
    (tmp_path / "self.md").symlink_to("self.md")
    assert found(tmp_path) == (["gone.md", "self.md"], {})
