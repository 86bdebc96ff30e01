"""The page that explains every ID switch of an evaluation, worst first, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from fairmot_pl import __version__
from fairmot_pl.evaluation.causes import Cause
from fairmot_pl.evaluation.hota import association_accuracy
from fairmot_pl.files import write_text
from fairmot_pl.inference.candidates import Candidate
from fairmot_pl.inference.explanation import ExplainedSwitch, SequenceExplanation
from fairmot_pl.reporting import page
from fairmot_pl.reporting.figures import to_svg
from fairmot_pl.reporting.identity_timeline import MOST_ROWS, hidden_people, timeline_figure
from fairmot_pl.reporting.switch_crops import Pictures, crops
from fairmot_pl.reporting.switch_words import cause_in_words, how_to_read, remedy, title_of
from fairmot_pl.tracking.settings import TrackerSettings

PAGE_NAME, DATA_NAME = "explain.html", "explain.json"

MINUS = "\N{MINUS SIGN}"

Ranked = tuple[float, SequenceExplanation, ExplainedSwitch]
"""Damage to the AssA of all sequences together, the sequence, the switch."""


def write_explanation(
    folder: Path | str,
    sequences: Sequence[SequenceExplanation],
    pictures: Mapping[str, Pictures],
    tracker: TrackerSettings,
    *,
    title: str,
    most_cards: int = 40,
) -> Path:
    """Write `explain.html` and `explain.json`.

    Args:
        folder: where to.
        sequences: at least one.
        pictures: images of the sequences by name; they are read only for the cards that are shown.
        tracker: the settings that tracked.
        title: heading of the page.
        most_cards: of more switches, the most damaging are shown; the JSON and the tables have all.

    Returns:
        The path of the page.

    Raises:
        OSError: a file cannot be written.
    """
    folder = Path(folder)
    ranked = rank(sequences)
    counts = [found.counts for found in sequences]
    body = [
        f"<header><h1>{escape(title)}</h1><p class='subtitle'>{escape(_subtitle(sequences))}</p></header>",
        page.tiles(
            [
                ("ID switches", str(len(ranked)), ""),
                ("AssA", f"{100 * association_accuracy(*counts).mean():.1f}", "%"),
                ("interruptions (Frag)", str(sum(len(found.fragments) for found in sequences)), ""),
            ]
        ),
        page.section("Causes", _causes(ranked, tracker))
        if ranked
        else page.note("No id changes: there is nothing to explain."),
        *(_timeline(found) for found in sequences),
        _cards(ranked[:most_cards], len(ranked), pictures, tracker),
        f"<footer>Written by fairmot_pl {__version__}. This file needs nothing from outside.</footer>",
    ]
    write_text(folder / DATA_NAME, json.dumps(as_data(ranked, sequences, tracker), indent=2) + "\n")
    write_text(folder / PAGE_NAME, page.page(title, body))
    return folder / PAGE_NAME


def rank(sequences: Sequence[SequenceExplanation]) -> list[Ranked]:
    """All switches, the most damaging first: by how much AssA would rise without each one alone."""
    now = association_accuracy(*(found.counts for found in sequences)).mean()
    ranked: list[Ranked] = []
    for sequence in sequences:
        others = [found.counts for found in sequences if found is not sequence]
        for switch in sequence.switches:
            ranked.append((float(association_accuracy(*others, switch.counts).mean() - now), sequence, switch))
    return sorted(ranked, key=lambda entry: (-entry[0], entry[1].name, entry[2].switch.frame))


def as_data(
    ranked: Sequence[Ranked], sequences: Sequence[SequenceExplanation], tracker: TrackerSettings
) -> dict[str, Any]:
    """Everything that the page says, as JSON-able values."""
    return {
        "AssA": float(association_accuracy(*(found.counts for found in sequences)).mean()),
        "switches": [
            {
                "sequence": sequence.name,
                **asdict(found.switch),
                "gap": found.switch.gap,
                "damage": damage,
                "damage_in_sequence": _damage_in_sequence(sequence, found),
                "cause": found.cause.value,
                "words": cause_in_words(found, tracker),
                "decided": found.decided,
                "evidence": asdict(found.evidence),
                "darkest": {
                    "frame": found.darkest,
                    "hidden": found.hidden,
                    "visible": found.visible,
                    "behind": found.hider,
                },
                "candidates": [asdict(candidate) for candidate in found.candidates],
            }
            for damage, sequence, found in ranked
        ],
        "fragments": {found.name: [asdict(fragment) for fragment in found.fragments] for found in sequences},
    }


def _subtitle(sequences: Sequence[SequenceExplanation]) -> str:
    return f"Why ids changed in {', '.join(found.name for found in sequences)}"


def _damage_in_sequence(sequence: SequenceExplanation, found: ExplainedSwitch) -> float:
    return float((association_accuracy(found.counts) - association_accuracy(sequence.counts)).mean())


def _causes(ranked: Sequence[Ranked], tracker: TrackerSettings) -> str:
    rows = []
    for cause in Cause:
        damages = [damage for damage, _, found in ranked if found.cause is cause]
        if damages:
            lost = sum(damages)
            advice = remedy(cause, tracker) if lost >= 0 else "nothing: these switches put more right than wrong"
            rows.append((lost, [cause.value, str(len(damages)), _points(lost), advice]))
    rows.sort(key=lambda row: -row[0])
    total = ["all", str(len(ranked)), _points(sum(damage for damage, *_ in ranked)), ""]
    header = ["Cause", "switches", "AssA lost", "what may help"]
    return page.table(header, [row for _, row in rows], total=total, figures=(False, True, True, False)) + (
        page.caption(
            "AssA lost: by how many points AssA of all sequences would rise if one switch alone were undone, added up; "
            "a swap of two people is two switches, and undoing either mends both. Below zero, the switch put something "
            "right."
        )
    )


def _timeline(found: SequenceExplanation) -> str:
    figure = timeline_figure(found)
    if figure is None:
        return ""
    left_out = hidden_people(found)
    more = f" Of {left_out + MOST_ROWS} people, those with the most switches are shown." if left_out else ""
    return page.section(
        f"Identities of {found.name}",
        page.plot(to_svg(figure, alt=f"Under which id each person of {found.name} was found")),
        page.caption(f"One colour, one track; its id is written on longer runs.{more}"),
    )


def _cards(shown: Sequence[Ranked], total: int, pictures: Mapping[str, Pictures], tracker: TrackerSettings) -> str:
    if not shown:
        return ""
    more = f" The {len(shown)} worst of {total} are shown; {DATA_NAME} has all." if len(shown) < total else ""
    cards = [_card(place, *ranked, pictures, tracker) for place, ranked in enumerate(shown, start=1)]
    how = f"{how_to_read(tracker)} The person is outlined in black and white."
    return "\n".join([page.note(f"Switches, the most damaging first.{more} {how}"), *cards])


def _card(
    place: int,
    damage: float,
    sequence: SequenceExplanation,
    found: ExplainedSwitch,
    pictures: Mapping[str, Pictures],
    tracker: TrackerSettings,
) -> str:
    kind = found.cause.name.lower().replace("_", "-")
    own = _damage_in_sequence(sequence, found)
    head = (
        f'<span class="cause {kind}">{escape(found.cause.value)}</span> '
        f"{escape(sequence.name)}: {escape(title_of(found))}"
    )
    cost = f"AssA {_points(-damage, '+')} points ({_points(-own, '+')} in {sequence.name}); {_gap(found)}"
    return "\n".join(
        [
            f'<section class="switch"><h2>{place}. {head}</h2>',
            f"<p>{escape(cause_in_words(found, tracker))}</p>",
            f'<p class="cost">{escape(cost)}</p>',
            _pictures(found, sequence, pictures),
            _candidates(found, tracker),
            "</section>",
        ]
    )


def _gap(found: ExplainedSwitch) -> str:
    gap = found.switch.gap
    return "no frame in between" if not gap else f"{gap} frame{'s' if gap > 1 else ''} in between"


def _pictures(found: ExplainedSwitch, sequence: SequenceExplanation, pictures: Mapping[str, Pictures]) -> str:
    try:
        drawn = crops(found, sequence, pictures[sequence.name])
    except (OSError, ValueError) as error:
        return page.warning(f"No pictures: {error}")
    return f'<div class="crops">{"".join(page.picture(image, caption) for caption, image in drawn)}</div>'


def _candidates(found: ExplainedSwitch, tracker: TrackerSettings) -> str:
    """The tracks beside the deciding detection; what lies beyond a limit is marked."""
    header = ["track", "followed", "state", "age", "unseen", "appearance", "motion", "IoU", "outcome"]
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    rows = []
    for candidate in found.candidates:
        cells = _cells(candidate, tracker)
        marked = "".join(f'<td class="{"refused" if beyond else ""}">{escape(text)}</td>' for text, beyond in cells)
        rows.append(f'<tr class="{candidate.role}">{marked}</tr>')
    legend = (
        f"The tracks beside the deciding detection, in frame {found.decided}."
        if found.by_detection
        else f"The two tracks in frame {found.decided}; no detection decided."
    )
    return (
        f'<div class="wide"><table class="candidates"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody>'
        f"</table></div>{page.caption(legend)}"
    )


def _cells(candidate: Candidate, tracker: TrackerSettings) -> list[tuple[str, bool]]:
    """Text of each column, and whether it speaks against the track."""
    appearance, motion, overlap = candidate.appearance, candidate.motion, candidate.overlap
    limited = not tracker.weighs_evidence
    return [
        (f"{candidate.track} ({candidate.role})", False),
        ("-" if candidate.person is None else f"person {candidate.person}", False),
        (candidate.state, candidate.state == "ended"),
        (_whole(candidate.age), False),
        (_whole(candidate.unseen), False),
        (_decimal(appearance, 2), limited and appearance is not None and appearance >= tracker.appearance_limit),
        (_decimal(motion, 1), limited and motion is not None and motion > tracker.motion_gate),
        (_decimal(overlap, 2), overlap == 0),
        (candidate.outcome + ("; took another detection" if candidate.elsewhere else ""), False),
    ]


def _whole(value: int | None) -> str:
    return "-" if value is None else str(value)


def _decimal(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def _points(damage: float, sign: str = "") -> str:
    """A share in points of per cent; never a negative zero."""
    return f"{100 * damage + 0.0:{sign}.2f}".replace("-0.00", "0.00").replace("-", MINUS)
