"""A file whose content is in the cloud is told from one that is here, and from one that only looks empty."""

import os

import pytest

from safelight.watching.placeholders import CloudPlaceholders


def hollow(path, size=1_000_000):
    """Make a file with a size and no blocks, as a placeholder has."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


@pytest.fixture
def blocks(tmp_path):
    """Skip where files have no blocks at all."""
    path = tmp_path / "solid.jpg"
    path.write_bytes(os.urandom(20_000))
    os.sync()
    if path.stat().st_blocks == 0 or hollow(tmp_path / "hole").stat().st_blocks:
        pytest.skip("needs a file system that tells holes from content")
    (tmp_path / "hole").unlink()
    return tmp_path


def attribute(path, name, value):
    try:
        os.setxattr(path, name, value)
    except OSError:
        pytest.skip("needs a file system with user attributes")


def is_placeholder(path):
    return CloudPlaceholders().is_placeholder(path)


def test_a_size_without_blocks_is_a_placeholder(blocks):
    assert is_placeholder(hollow(blocks / "a.jpg"))
    assert not is_placeholder(blocks / "solid.jpg")


def test_a_folder_of_nothing_but_placeholders_is_judged_by_the_folder_around_it(blocks):
    (blocks / "sub").mkdir()
    assert is_placeholder(hollow(blocks / "sub/a.jpg"))


def test_where_no_file_has_blocks_nothing_can_be_told(blocks, monkeypatch):
    path = hollow(blocks / "a.jpg")
    monkeypatch.setattr("safelight.watching.placeholders._has_blocks", lambda entry, device: False)
    assert not is_placeholder(path)


def test_a_small_file_may_lie_in_its_inode(blocks):
    assert not is_placeholder(hollow(blocks / "small.jpg", size=2048))


def test_empty_files_folders_pipes_links_and_nothing_are_no_placeholders(blocks):
    (blocks / "empty.jpg").touch()
    (blocks / "folder.jpg").mkdir()
    os.mkfifo(blocks / "pipe.jpg")
    (blocks / "link.jpg").symlink_to(hollow(blocks / "a.jpg"))
    for name in ("empty.jpg", "folder.jpg", "pipe.jpg", "link.jpg", "gone.jpg", "no/such/folder.jpg"):
        assert not is_placeholder(blocks / name), name


@pytest.mark.parametrize("suffix", [".nextcloud", ".owncloud"])
def test_a_virtual_file_with_a_suffix_stands_for_the_one_that_went(tmp_path, suffix):
    (tmp_path / f"a.jpg{suffix}").write_bytes(b" ")
    assert is_placeholder(tmp_path / "a.jpg")
    assert not is_placeholder(tmp_path / "b.jpg")


def test_a_file_that_is_here_beside_a_stale_virtual_file_is_no_placeholder(tmp_path):
    (tmp_path / "a.jpg").write_bytes(os.urandom(9000))
    (tmp_path / "a.jpg.nextcloud").write_bytes(b" ")
    assert not is_placeholder(tmp_path / "a.jpg")


def test_clients_mark_their_placeholders_by_attributes(tmp_path):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / name).write_bytes(os.urandom(9000))
    attribute(tmp_path / "a.jpg", "user.nextcloud.hydrate_exec", b"nextcloud")
    attribute(tmp_path / "b.jpg", "user.openvfs.state", b"dehydrated")
    attribute(tmp_path / "c.jpg", "user.openvfs.state", b"hydrated")
    assert [is_placeholder(tmp_path / name) for name in ("a.jpg", "b.jpg", "c.jpg")] == [True, True, False]
