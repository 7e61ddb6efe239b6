"""Says in plain sentences how well a taste foretells, and what is not known of it.

Invariant: a sentence claims a lead only where the report calls it distinguishable.
"""

from safelight.domain.evaluation import NEEDED, Measured, Report
from safelight.domain.portrait import Portrait


def verdict(headline: Measured) -> str:
    """Say in one or two sentences how well the taste foretells blind decisions inside bursts."""
    if not headline.lines:
        have = "none" if not headline.found else f"only {headline.found}"
        return (
            f"Too early to say: a number needs {NEEDED} decisions inside bursts that were made without stars in view,"
            f" and there {'is' if headline.found == 1 else 'are'} {have} so far."
        )
    personal, generic = headline.lines["personal"], headline.lines["generic"]
    told = (
        f"Of your last {headline.used} decisions inside bursts made without stars in view, your taste foretold"
        f" {percent(personal.share)} ({percent(personal.low)} to {percent(personal.high)});"
        f" the generic score would have foretold {percent(generic.share)}."
    )
    if not headline.distinguishable:
        return f"{told} The two are not yet distinguishable."
    better = headline.lead is not None and headline.lead.share > 0
    return f"{told} That is {'better' if better else 'worse'} by more than chance."


def percent(share: float) -> str:
    """Return a share 0-1 as a whole percentage, with the space that belongs there and no line break in it."""
    return f"{round(100 * share)}\N{NO-BREAK SPACE}%"


def unknowns(report: Report, portrait: Portrait) -> tuple[str, ...]:
    """Name what the numbers do not tell, the most important first; whole sentences."""
    told = []
    if not report.within.lines:
        told.append(
            f"How well it foretells which frame of a burst you keep: {NEEDED} decisions without stars in view are"
            f" needed, {report.within.found} {'is' if report.within.found == 1 else 'are'} there."
        )
    elif not report.within.distinguishable:
        told.append("Whether it foretells your choice inside a burst better than the generic score does.")
    if not report.across.lines:
        told.append(
            f"How well it foretells which burst or scene you prefer: {NEEDED} decisions without stars in view are"
            f" needed, {report.across.found} {'is' if report.across.found == 1 else 'are'} there."
        )
    open_measures = [each.words for each in portrait.measures if not each.claimed]
    if open_measures:
        told.append(f"Whether these matter more or less to you than to others: {', '.join(open_measures)}.")
    if not portrait.measures:
        told.append("Which measures matter more or less to you than to others: the score does not lean on you yet.")
    told.append("Why you decided as you did: it sees what happened to the files and nothing else.")
    return tuple(told)
