"""One word per idea: the words that mean nothing, or that another word means, name nothing."""

import ast
import itertools
import re

import pytest

from tests.architecture.source import PACKAGE, ROOT, modules, named, tree

NOT_USED = {
    "util",
    "utils",
    "helper",
    "helpers",
    "manager",
    "handler",
    "common",
    "misc",
    "asset",
    "item",
    "process",
    "event",
}
NOT_USED |= {f"{word}s" for word in NOT_USED}


def words(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def offending(name: str) -> set[str]:
    parts = words(name)
    raw = {second for first, second in itertools.pairwise(parts) if first == "raw"}
    return (NOT_USED & set(parts)) - ({"event", "events"} & raw)  # a raw event of the file system is the exception


@pytest.mark.parametrize(
    ("name", "words_found"),
    [
        ("FileManager", {"manager"}),
        ("process_items", {"process", "items"}),
        ("RawEvent", set()),
        ("raw_events", set()),
        ("on_event", {"event"}),
        ("processor", set()),
        ("commonest", set()),
    ],
)
def test_names_are_read_word_by_word(name, words_found):
    assert offending(name) == words_found


def test_no_module_class_or_function_has_an_empty_name():
    found = []
    for path in modules(PACKAGE, ROOT / "models"):
        found += [f"{named(path)}: module"] if offending(path.stem) or offending(path.parent.name) else []
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and offending(node.name):
                found.append(f"{named(path)}:{node.lineno} {node.name}")
    assert not found, "\n".join(found)
