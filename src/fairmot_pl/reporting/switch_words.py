"""The cause of a switch in words."""

from __future__ import annotations

from fairmot_pl.evaluation.causes import Cause
from fairmot_pl.inference.explanation import ExplainedSwitch
from fairmot_pl.tracking.settings import TrackerSettings

_STAGES = {
    Cause.CAMERA_JUMP: "compensate the camera's motion, or let appearance match without a motion gate",
    Cause.LOOK_ALIKE: "better embeddings (longer training, larger reid_dim), or more weight for motion",
    Cause.OCCLUSION: "a longer track_buffer; an association with a second chance for low scores",
    Cause.MISSED_DETECTION: "a lower score_threshold, an association with low scores, a longer track_buffer",
    Cause.FRAGMENT: "a wider motion_gate, appearance_limit or iou_limit",
}

_EVIDENCE = {
    Cause.CAMERA_JUMP: "compensate the camera's motion from the images, or a larger camera_jolt or jump_size",
    Cause.LOOK_ALIKE: "better embeddings (longer training, larger reid_dim), or a larger look_doubt",
    Cause.OCCLUSION: "a longer stay_seconds and memory_seconds",
    Cause.MISSED_DETECTION: "a lower person_score, a longer stay_seconds and memory_seconds",
    Cause.FRAGMENT: "a larger jump_size, jump_chance or walking_speed",
}


def remedy(cause: Cause, tracker: TrackerSettings) -> str:
    """What may help against a cause."""
    return (_EVIDENCE if tracker.weighs_evidence else _STAGES)[cause]


def how_to_read(tracker: TrackerSettings) -> str:
    """What the figures of the candidates mean, and what is red."""
    if tracker.weighs_evidence:
        return (
            "Appearance: cosine distance; motion: squared Mahalanobis distance of the box's four edges; IoU: of "
            "prediction and detection; age and unseen in frames. Evidence: natural logarithm of how much likelier the "
            "detection is to continue the track than to be somebody new, or nothing; a pair needs more than 0. Place "
            "holds position, score and whether the track's person is there, look the appearance. A track is there "
            "before its id is given. Red: no overlap, or no longer there."
        )
    return (
        f"Appearance: cosine distance, limit {tracker.appearance_limit:g}; motion: squared Mahalanobis distance, gate "
        f"{tracker.motion_gate:g}; IoU: of prediction and detection; age and unseen in frames. Red: beyond the limit, "
        "beyond the gate, no overlap."
    )


def title_of(found: ExplainedSwitch) -> str:
    """Who, when, from which id to which."""
    switch = found.switch
    return f"person {switch.identity}, frame {switch.frame}: track {switch.old_id} → {switch.new_id}"


def cause_in_words(found: ExplainedSwitch, tracker: TrackerSettings) -> str:
    """Why the id changed, with the figures that it was told from."""
    return " ".join([_because(found, tracker), _old_track(found), _new_track(found)])


def _because(found: ExplainedSwitch, tracker: TrackerSettings) -> str:
    evidence, person = found.evidence, found.switch.identity
    if found.cause is Cause.CAMERA_JUMP:
        return (
            f"The camera jumped: most predictions were off together, by {evidence.jump:.1f} times the height of "
            f"person {person}."
        )
    if found.cause is Cause.LOOK_ALIKE and evidence.alike:
        more = max(evidence.likeness or 0, 0)
        return f"Persons {person} and {evidence.rival} look alike: " + (
            f"views of the two are only {more * tracker.appearance_limit:.2f} farther apart than views of one."
            if tracker.weighs_evidence
            else f"taking one for the other costs only {100 * more:.0f} % of the appearance limit more."
        )
    if found.cause is Cause.LOOK_ALIKE:
        old, new = found.candidates[:2]
        return (
            f"In this frame person {person} looked more like person {evidence.rival}: the detection is at "
            f"{new.appearance:.2f} of track {new.track}, at {old.appearance:.2f} of track {old.track}."
        )
    if found.cause is Cause.OCCLUSION:
        return f"{_hidden(found)}{_undetected(found)}."
    if found.cause is Cause.MISSED_DETECTION:
        faint = f"; the best score was {found.faint:.2f}, too low to be used" if found.faint else ""
        return f"Person {person} could be seen, but was not detected{_frames(evidence.unseen_visible)}{faint}."
    if not found.by_detection:
        return (
            f"Person {person} could be seen, but no detection decided: track {found.switch.new_id} was expected there."
        )
    return f"Person {person} could be seen and was detected, but the detection was not given to the old track."


def _hidden(found: ExplainedSwitch) -> str:
    share, person = f"{100 * found.visible:.0f} % visible in frame {found.darkest}", found.switch.identity
    if found.hidden != person:
        return f"Person {person} hid person {found.hidden} ({share}): two people in one place"
    if found.hider is None:
        return f"Person {person} was hidden or out of sight ({share}; nobody annotated stands in front)"
    return f"Person {person} was hidden behind {'person' if found.hider_counts else 'object'} {found.hider} ({share})"


def _undetected(found: ExplainedSwitch) -> str:
    unseen = found.evidence.unseen_hidden + found.evidence.unseen_visible
    if not unseen:
        return ""
    return (
        f"; they were not detected{_frames(unseen)}"
        if found.hidden == found.switch.identity
        else (f"; no detection fitted person {found.switch.identity}{_frames(unseen)}")
    )


def _frames(count: int) -> str:
    return f" for {count} frames" if count != 1 else " for one frame"


def _old_track(found: ExplainedSwitch) -> str:
    old = found.candidates[0]
    if old.state == "ended":
        return f"Track {old.track} {found.old_fate}."
    then = f" It {found.old_fate}." if old.elsewhere else ""
    return f"Track {old.track} was {old.state}; {old.outcome}.{then}"


def _new_track(found: ExplainedSwitch) -> str:
    new, person = found.candidates[1], found.switch.identity
    if not found.by_detection:
        return f"Track {new.track} was reported here without a detection of person {person}, where it was expected."
    if new.state == "starts here":
        return f"So track {new.track} started."
    if new.person is None:
        return f"Track {new.track} had followed nobody before."
    if new.person == person:
        return f"Track {new.track} had followed person {person} before."
    return f"Track {new.track} had followed person {new.person} before."
