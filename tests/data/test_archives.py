import hashlib
import tarfile
import zipfile

import pytest

from analognas.core import TableIntegrityError
from analognas.data.archives import Archive, check_members, read_members

CONTENT = {"a.bin": b"first", "b.bin": bytes(5000)}
TAR, ZIP = Archive("x.tar.gz", "0" * 32, "inner"), Archive("x.zip", folder="inner")


def pack(folder, archive):
    for name, data in CONTENT.items():
        (folder / "inner").mkdir(exist_ok=True)
        (folder / "inner" / name).write_bytes(data)
    path = folder / archive.name
    if archive is ZIP:
        with zipfile.ZipFile(path, "w") as file:
            for name in CONTENT:
                file.write(folder / "inner" / name, f"inner/{name}")
    else:
        with tarfile.open(path, "w:gz") as file:
            file.add(folder / "inner", "inner")
    for name in CONTENT:
        (folder / "inner" / name).unlink()
    return path


@pytest.mark.parametrize("archive", [TAR, ZIP])
def test_from_the_archive_and_its_folder(tmp_path, archive):
    path = pack(tmp_path, archive)
    for root in (tmp_path, path):
        assert read_members("x", root, archive, list(CONTENT)) == CONTENT
    assert read_members("x", tmp_path, archive, ["a.bin", "c.bin"]) == {"a.bin": b"first"}


def test_unpacked_comes_first(tmp_path):
    pack(tmp_path, TAR)
    (tmp_path / "inner" / "a.bin").write_bytes(b"unpacked")
    for root in (tmp_path, tmp_path / "inner"):
        assert read_members("x", root, TAR, ["a.bin"]) == {"a.bin": b"unpacked"}


def test_nothing_there(tmp_path):
    assert read_members("x", tmp_path, TAR, ["a.bin"]) is None
    assert read_members("x", None, TAR, ["a.bin"]) is None


@pytest.mark.parametrize("archive", [TAR, ZIP])
def test_truncated(tmp_path, archive):
    path = pack(tmp_path, archive)
    whole = path.read_bytes()
    for part in (0.0, 0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(TableIntegrityError, match="damaged or truncated"):
            read_members("x", tmp_path, archive, list(CONTENT))
    path.write_bytes(whole[:50])
    if archive is TAR:
        digest = hashlib.md5(whole[:50]).hexdigest()
        with pytest.raises(
            TableIntegrityError, match=f"must be 0{{32}}, but is {digest}. Get it again"
        ):
            read_members("x", tmp_path, archive, list(CONTENT))


def test_members_outside_the_folder_and_links_are_no_members(tmp_path):
    path = tmp_path / TAR.name
    (tmp_path / "secret").write_bytes(b"secret")
    with tarfile.open(path, "w:gz") as file:
        file.add(tmp_path / "secret", "a.bin")
        link = tarfile.TarInfo("inner/b.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    assert read_members("x", tmp_path, TAR, list(CONTENT)) == {}


def test_missing_member():
    with pytest.raises(TableIntegrityError, match=r"x: b, c must be beside a, but is missing"):
        check_members("x", {"a": b""}, ["a", "b", "c"])
