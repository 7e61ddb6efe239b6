"""git: a checkout takes photographs away and brings them back, each as a new file under its old name."""

import pytest

from tests.interop.library import AFTER_UNDO_H, Library, brief, need

NAME = "IMG_0002.jpg"


@pytest.fixture(autouse=True)
def _installed() -> None:
    need("git")


def git(library: Library, *arguments: str) -> None:
    library.run(
        "git", "-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", *arguments, cwd=library.folder
    )


@pytest.fixture
def repository(library: Library) -> Library:
    """Return a rated shoot that is under git, with a branch on which one frame was thrown away."""
    git(library, "init", "-q", "-b", "all")
    git(library, "add", ".")
    git(library, "commit", "-q", "-m", "All of them")
    git(library, "checkout", "-q", "-b", "culled")
    git(library, "rm", "-q", NAME, f"{NAME}.xmp")
    git(library, "commit", "-q", "-m", "Without the soft one")
    git(library, "checkout", "-q", "all")
    return library


def test_a_frame_that_git_brought_back_between_two_looks_was_never_lost(repository: Library) -> None:
    assert repository.reconcile(hours=AFTER_UNDO_H) == []


def test_a_frame_that_git_takes_away_and_brings_back_is_no_deletion(repository: Library) -> None:
    git(repository, "checkout", "-q", "culled")
    (lost,) = repository.reconcile()
    assert lost.brief == ("frame_lost", NAME)
    git(repository, "checkout", "-q", "all")
    (back,) = repository.reconcile(hours=1)
    assert (back.brief, back.payload["of"]) == (("frame_returned", NAME), lost.seq)
    assert repository.reconcile(hours=AFTER_UNDO_H) == []
    assert [kind for kind, _ in repository.believed() if kind == "deleted"] == []


def test_a_frame_that_git_leaves_away_is_a_deletion(repository: Library) -> None:
    git(repository, "checkout", "-q", "culled")
    assert brief(repository.reconcile()) == [("frame_lost", NAME)]
    assert brief(repository.reconcile(hours=AFTER_UNDO_H)) == [("loss_confirmed", NAME)]
    assert repository.believed() == [("deleted", (NAME,))]


def test_all_files_written_anew_by_git_tell_nothing(repository: Library) -> None:
    repository.run("sh", "-ec", "rm *.jpg *.xmp", cwd=repository.folder)
    git(repository, "checkout", "-q", "--", ".")
    assert repository.reconcile(hours=AFTER_UNDO_H) == []
    assert {record["stage"] for record in repository.rate().records} == {"published"}


def test_a_branch_without_any_photograph_is_no_cull(repository: Library) -> None:
    git(repository, "checkout", "-q", "--orphan", "empty")
    git(repository, "rm", "-q", "-r", "-f", ".")
    assert repository.frames == []
    repository.reconcile(status=1)
    repository.reconcile(hours=AFTER_UNDO_H, status=1)
    git(repository, "checkout", "-q", "all")
    repository.reconcile(hours=30)
    repository.reconcile(hours=60)
    assert [kind for kind, _ in repository.believed() if kind == "deleted"] == []
