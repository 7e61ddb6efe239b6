"""The lines of keys in a TOML text: known for every key that tomllib reads, whatever the form."""

import tomllib

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.app.toml_lines import Place, lines


def key_paths(value, place: Place = ()):
    if isinstance(value, dict):
        below = value.items()
    elif isinstance(value, list):
        below = enumerate(value)
    else:
        return
    for key, inner in below:
        yield (*place, key)
        yield from key_paths(inner, (*place, key))


@pytest.mark.parametrize(
    ("text", "place", "line"),
    [
        ("a = 1\nb = 2", ("b",), 2),
        ("a.b.c = 1", ("a", "b", "c"), 1),
        ("# [x]\n[x]\n\ny = 1 # z = 3\nz = 2", ("x", "z"), 5),
        ('x = """\ny = 1\n\\""" """\ny = 3', ("y",), 4),
        ('x = """""a""""" # quotes beside the ends\ny = 3', ("y",), 2),
        ("x = '''\ny = 1 '' '''\ny = 3", ("y",), 3),
        ('x = "a\\"]#"\ny = 3', ("y",), 2),
        ('x = [ # first ]\n"a]",\n"b",\n]\ny = 3', ("x", 1), 3),
        ("x = [1, [2,\n3], {a = 4,\tb = [5]}]\ny = 3", ("x", 2, "b", 0), 2),
        ("x = [1, [2,\n3], {a = 4}]\ny = 3", ("y",), 3),
        ('"a.b".\'c d\' = 1\n"\\u00e9" = 2', ("é",), 2),
        ("[[t]]\na = 1\n[[t]]\na = 2\n[t.u]\nb = 3", ("t", 1, "a"), 4),
        ("[[t]]\na = 1\n[[t]]\na = 2\n[t.u]\nb = 3", ("t", 1, "u", "b"), 6),
        ("a = 1\r\nb = 1979-05-27 07:32:00\r\nc = +inf\r\n", ("c",), 3),
    ],
)
def test_line_of_a_key(text, place, line):
    tomllib.loads(text)
    assert lines(text)[place] == line


def values():
    keys = st.text(max_size=6)
    plain = st.none().map(lambda _: 1.5) | st.booleans() | st.integers(-9, 9) | st.text(max_size=12)
    inner = st.recursive(plain, lambda below: st.lists(below, max_size=3) | st.dictionaries(keys, below, max_size=3))
    return st.dictionaries(keys, inner, max_size=5)


@settings(max_examples=50)
@given(value=values())
def test_every_key_has_a_line(value):
    text = tomlkit.dumps(value)
    read = tomllib.loads(text)
    assert set(key_paths(read)) <= set(lines(text))
