"""Which files on a card are one frame."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from safelight.domain.cards import CardFile, frames_of
from safelight.domain.frame import FileStamp

FOLDER = Path("/card/DCIM/100CANON")


def files(*names: str) -> list[CardFile]:
    return [CardFile(FOLDER / name, FileStamp(number, 0, number, 1)) for number, name in enumerate(names)]


def grouped(*names: str, films_only: bool = False) -> tuple[dict[str, list[str]], list[str]]:
    frames, left = frames_of(files(*names), films_only=films_only)
    return {frame.stem: [file.path.name for file in frame.files] for frame in frames}, [file.path.name for file in left]


def test_raw_jpeg_sound_and_sidecar_of_one_stem_are_one_frame():
    assert grouped("IMG_1.WAV", "IMG_1.CR3", "IMG_1.CR3.xmp", "IMG_1.JPG", "IMG_1.xmp") == (
        {"IMG_1": ["IMG_1.JPG", "IMG_1.CR3", "IMG_1.CR3.xmp", "IMG_1.WAV", "IMG_1.xmp"]},
        [],
    )


def test_a_companion_finds_its_frame_whatever_its_case():
    assert grouped("img_1.wav", "IMG_1.JPG") == ({"IMG_1": ["IMG_1.JPG", "img_1.wav"]}, [])


def test_pictures_that_differ_in_case_are_two_frames():
    assert set(grouped("A.JPG", "a.jpg")[0]) == {"A", "a"}


def test_a_moving_picture_is_one_frame_with_its_still():
    assert grouped("IMG_1.HEIC", "IMG_1.MOV")[0] == {"IMG_1": ["IMG_1.HEIC", "IMG_1.MOV"]}


def test_the_longest_stem_owns_a_companion():
    assert grouped("A.JPG", "A.1.JPG", "A.1.JPG.xmp", "A.2.xmp")[0] == {
        "A": ["A.JPG", "A.2.xmp"],
        "A.1": ["A.1.JPG", "A.1.JPG.xmp"],
    }


def test_film_folders_hold_thumbnails_and_no_photographs():
    found = grouped("C0001.MP4", "C0001M01.XML", "C0001.JPG", "T1.JPG", "MEDIAPRO.XML", films_only=True)
    assert found == ({"C0001": ["C0001.MP4", "C0001M01.XML"]}, ["C0001.JPG", "T1.JPG", "MEDIAPRO.XML"])


def test_a_recording_without_a_picture_is_a_frame_and_other_things_are_left():
    assert grouped("REC_1.WAV", "M0100.CTG", "lone.xmp", "noname") == (
        {"REC_1": ["REC_1.WAV"]},
        ["M0100.CTG", "lone.xmp", "noname"],
    )


def test_only_frames_with_a_picture_are_rated():
    frames, _ = frames_of(files("A.JPG", "B.MP4", "C.WAV"), films_only=False)
    assert [(frame.stem, frame.has_picture) for frame in frames] == [("A", True), ("B", False), ("C", False)]


names = st.lists(
    st.builds(
        lambda stem, tail: stem + tail,
        st.sampled_from(["A", "a", "A.1", "B", "AB", "C0001", "é", "."]),
        st.sampled_from([".JPG", ".jpg", ".CR3", ".CR3.xmp", ".xmp", ".WAV", ".MP4", "M01.XML", ".XML", "", "."]),
    ),
    unique=True,
    max_size=12,
)


@given(names, st.booleans())
def test_every_file_is_in_one_frame_or_left(some, films_only):
    given_files = [file for file in files(*some) if file.path.name == some[file.size]]  # names such as "." are none
    frames, left = frames_of(given_files, films_only=films_only)
    seen = [file for frame in frames for file in frame.files] + list(left)
    assert sorted(file.path.name for file in seen) == sorted(file.path.name for file in given_files)
    for frame in frames:
        for file in frame.files:
            assert file.path.name.casefold() == (frame.stem + frame.tail(file)).casefold()
