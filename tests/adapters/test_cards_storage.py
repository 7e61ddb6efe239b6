"""What is remembered of cards and of what was copied from them."""

import os
import threading
from pathlib import Path

import pytest

from safelight import paths
from safelight.domain.cards import Card, Policy
from safelight.domain.frame import FileStamp, FoundFile, Role
from safelight.errors import StateError
from safelight.ports.cards import Import
from safelight.ports.traces import VolumeIdentity
from safelight.storage.cards import SqliteCards, SqliteImports, open_cards
from safelight.storage.database import open_database
from safelight.storage.store import SqliteStore, open_store

CARD = Card("volume 9016-4EF8 EOS", "EOS", Path("/media/EOS"), 1, read_only=True)
ODD = Path(os.fsdecode(b"/media/EOS/DCIM/caf\xe9\n.JPG"))


def made(content: bytes = b"c" * 16, **other: object) -> Import:
    values = {
        "content": content,
        "size": 5,
        "digest": b"d" * 16,
        "card": CARD.id,
        "source": ODD,
        "path": Path("/home/p/a.jpg"),
        "backup": None,
        "at_s": 7.5,
    }
    return Import(**(values | other))


def test_a_card_is_remembered_with_what_the_person_wants():
    cards = SqliteCards(database=open_database(":memory:"))
    assert cards.get(CARD.id) is None
    assert cards.set_policy(CARD.id, Policy.IMPORT) is False
    known = cards.see(CARD, at_s=10.0)
    assert (known.policy, known.first_s, known.last_s) == (None, 10.0, 10.0)
    assert cards.set_policy(CARD.id, Policy.IMPORT)
    known = cards.see(Card(CARD.id, "NEW LABEL", CARD.root, 2, read_only=False), at_s=20.0)
    assert (known.policy, known.label, known.first_s, known.last_s) == (Policy.IMPORT, "NEW LABEL", 10.0, 20.0)
    cards.set_policy(CARD.id, None)
    assert cards.get(CARD.id).policy is None


def test_cards_come_newest_first_and_odd_labels_are_kept_readable():
    cards = SqliteCards(database=open_database(":memory:"))
    cards.see(CARD, at_s=1.0)
    cards.see(Card("volume \udce9 \udce9", "\udce9", Path("/x"), 1, read_only=True), at_s=2.0)
    assert [card.id for card in cards.all()] == ["volume \\udce9 \\udce9", CARD.id]
    assert cards.get("volume \udce9 \udce9").label == "\\udce9"


def test_an_import_comes_back_as_it_was_put():
    imports = SqliteImports(database=open_database(":memory:"))
    rows = [
        made(),
        made(b"e" * 16, backup=Path("/backup/a.jpg")),
        made(b"f" * 16, backup_owed=True),
    ]
    imports.put(rows)
    assert [imports.get(row.content) for row in rows] == rows
    assert imports.get(b"?" * 16) is None
    imports.put([made(path=Path("/home/p/b.jpg"))])
    assert imports.get(b"c" * 16).path == Path("/home/p/b.jpg")


def test_rows_are_written_all_or_none():
    imports = SqliteImports(database=open_database(":memory:"))
    with pytest.raises(StateError):
        imports.put([made(), made(b"x" * 16, digest=None)])
    assert imports.get(b"c" * 16) is None


def test_forgetting_a_card_forgets_its_files_only():
    imports = SqliteImports(database=open_database(":memory:"))
    imports.put([made(), made(b"e" * 16, card="other")])
    assert imports.forget(CARD.id) == 1
    assert imports.get(b"c" * 16) is None
    assert imports.get(b"e" * 16) is not None


def test_the_library_is_what_lies_on_no_card():
    database = open_database(":memory:")
    store, imports = SqliteStore(database), SqliteImports(database=database)
    places = {
        b"1" * 16: Path("/home/p/a.jpg"),
        b"2" * 16: Path("/media/EOS/DCIM/a.jpg"),
        b"3" * 16: Path("/media/OTHER/DCIM/a.jpg"),
    }
    with store.transaction():
        store.sightings.put_volume(Path("/media/OTHER"), VolumeIdentity(Path("/media/OTHER"), 1, 2, "vfat"), card=True)
        for number, (content, path) in enumerate(places.items()):
            found = FoundFile(path, Role.IMAGE, FileStamp(10 + number, 1, 1, 1))
            store.catalog.put_file(found, frame_id=store.catalog.add_frame(path, arrived_s=0.0), content=content)
        store.catalog.mark_gone([Path("/home/p/a.jpg")])
    without = Path("/media/EOS")
    assert [imports.in_library(content, without=without) for content in places] == [True, False, False]
    imports.put([made()])
    assert imports.sizes() == {5, 10, 11, 12}


def test_two_threads_write_in_turn_with_connections_of_their_own(tmp_path):
    open_store(tmp_path).close()
    failures = []

    def write(first: int) -> None:
        try:
            with open_cards(tmp_path) as (cards, imports):
                for number in range(first, first + 25):
                    imports.put([made(number.to_bytes(16, "big"))])
                    cards.see(CARD, at_s=float(number))
        except StateError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(first,)) for first in (0, 1000, 2000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    rows = open_database(paths.catalog_file(tmp_path)).rows("SELECT count(*) AS n FROM imports")
    assert rows[0]["n"] == 75
