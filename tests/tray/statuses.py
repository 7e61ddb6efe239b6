"""Statuses of the daemon for tests of the tray: one of everything, and any that pydantic lets pass."""

from hypothesis import strategies as st

from safelight.control.messages import CardSeen, Doing, ShootDone, Status, Trouble, Watched

# As os.fsdecode gives a name that is no UTF-8; with markup, a mnemonic, a line break, a mark that turns writing over.
ODD_NAME = "k\udce4ppchen_01 <b>R&D</b>\n\u202egpj\x1b[31m"
NOW_S = 1_764_000_000.0


def shoot(number: int = 1, **changed) -> ShootDone:
    given = {
        "run": number,
        "name": f"Shoot {number}",
        "folder": f"/pictures/shoot {number}",
        "at_s": NOW_S - 600 * number,
        "frames": 412,
        "five": 37,
        "low": 118,
        "bursts": 64,
        "seconds": 180.0,
    }
    return ShootDone(**(given | changed))


def card(**changed) -> CardSeen:
    given = {
        "card": "ABCD-1234",
        "label": "EOS_DIGITAL",
        "root": "/media/anna/EOS_DIGITAL",
        "policy": "import",
        "state": "done",
    }
    return CardSeen(**(given | changed))


def busy() -> Status:
    """Return a status with one of everything."""
    return Status(
        state="working",
        doing=(Doing(what="Copying from EOS_DIGITAL", done=300, total=412), Doing(what="Rating", done=120, total=300)),
        waiting=180,
        frames=12_480,
        watched=(Watched(folder="/pictures", state="watched"), Watched(folder="/nas", state="scanned")),
        cards=(card(policy="ask", state="asking"),),
        shoots=tuple(shoot(number) for number in range(1, 6)),
        taste="Taste: learned from 1,204 decisions of yours",
        trouble=(Trouble(level="note", told="The disk of /archive is not here.", hint="Connect it."),),
    )


_texts = st.text(alphabet=st.characters(codec=None), max_size=90)  # all of Unicode, halves of characters too
_numbers = st.integers(min_value=-5, max_value=10**7)
_seconds = st.floats(min_value=-1e13, max_value=1e13)
_states = st.sampled_from(
    ["starting", "idle", "working", "paused", "waiting", "leased", "degraded", "stopping"],
)


def _some(kind, **fields):
    return st.lists(st.builds(kind, **fields), max_size=4).map(tuple)


_cards = _some(
    CardSeen,
    card=_texts,
    label=_texts,
    root=_texts,
    policy=st.sampled_from(["ask", "import", "rate", "ignore"]),
    state=st.sampled_from(["waiting", "asking", "reading", "copying", "done", "ignored", "failed"]),
    told=_texts,
    done=_numbers,
    total=_numbers,
    safe_to_remove=st.booleans(),
).filter(lambda cards: len({(one.card, one.root) for one in cards}) == len(cards))
_shoots = _some(
    ShootDone,
    run=_numbers,
    name=_texts,
    folder=_texts,
    at_s=_seconds,
    frames=_numbers,
    five=_numbers,
    low=_numbers,
    bursts=_numbers,
    seconds=_seconds,
    withheld=_numbers,
    undone=st.booleans(),
).filter(lambda shoots: len({(one.run, one.folder) for one in shoots}) == len(shoots))

statuses = st.builds(
    Status,
    state=_states,
    why=_texts,
    paused_until_s=st.none() | _seconds,
    doing=_some(Doing, what=_texts, done=_numbers, total=_numbers),
    waiting=_numbers,
    watched=_some(
        Watched, folder=_texts, state=st.sampled_from(["watched", "scanned", "absent", "trouble"]), told=_texts
    ),
    cards=_cards,
    shoots=_shoots,
    taste=_texts,
    trouble=_some(Trouble, level=st.sampled_from(["note", "bad"]), told=_texts, hint=_texts),
)
