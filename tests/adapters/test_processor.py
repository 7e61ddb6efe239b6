import pytest

from safelight.inference.processor import sums_run_over


@pytest.mark.parametrize(
    ("text", "over"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_vnni\n", False),
        ("flags\t\t: fpu avx2 avx_vnni\n", False),
        ("processor\t: 0\nflags\t\t: fpu sse2 avx2\n", True),
        ("Features\t: fp asimd asimddp\n", False),
        ("", False),
    ],
)
def test_only_an_x86_processor_without_vnni_is_named(tmp_path, text, over):
    told = tmp_path / "cpuinfo"
    told.write_text(text)
    assert sums_run_over(told) is over


def test_where_nothing_is_told_nothing_is_held_against_it(tmp_path):
    assert not sums_run_over(tmp_path / "missing")
