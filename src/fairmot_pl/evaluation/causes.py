"""Why somebody's id changed: from what was measured between two sightings to one of five causes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

ALIKE = 0.25
"""Two people look alike where taking one for the other costs less than this share of the appearance limit more."""

HIDDEN = 0.5
"""A person of whom less than this share can be seen is hidden."""

JUMP = 0.2
"""A common displacement of this many heights of the person is a jump: it takes half the width of a walking person."""


MISSES = 2
"""So many frames without a detection may cost an id; a single one hardly moves a prediction."""


class Cause(str, Enum):
    """What makes an id change, in the order in which it is looked for.

    What is true of the whole image comes before what is true of two people, and that before what is true of one.
    """

    CAMERA_JUMP = "camera jump"
    LOOK_ALIKE = "look-alike"
    OCCLUSION = "occlusion"
    MISSED_DETECTION = "missed detection"
    FRAGMENT = "fragment"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was measured from the frame after the last sighting under the old id to the frame that decided.

    Args:
        jump: largest displacement, in heights of the person, by which the predictions of most tracks were off
            together; 0 = none.
        rival: the other person whose track took part, by the ground truth: the new id was theirs before, or the
            old one became theirs; None = nobody's.
        likeness: how much more it costs to take one of the two for the other than for themself, as a share of the
            appearance limit; None where appearance took no part or they were never seen well.
        preferred: whether the deciding detection was nearer in appearance to the new track than to the old one,
            both at hand.
        hidden: frames in which the person was hidden or hid somebody else (their boxes merge), that of the last
            sighting and the deciding one among them.
        unseen_hidden: frames in between without a usable detection of the person, hidden, hiding or out of sight.
        unseen_visible: such frames in which the person stood free.
    """

    jump: float = 0.0
    rival: int | None = None
    likeness: float | None = None
    preferred: bool = False
    hidden: int = 0
    unseen_hidden: int = 0
    unseen_visible: int = 0

    @property
    def alike(self) -> bool:
        """Whether the person and the rival look alike."""
        return self.likeness is not None and self.likeness < ALIKE


def classify(evidence: Evidence) -> Cause:
    """The cause of a switch; the first rule that holds.

    1. camera jump: the predictions of most tracks were off by one common displacement of at least `JUMP` heights.
    2. look-alike: another person's track took part, and either the two look alike, or appearance preferred the
       wrong track though nobody was hidden. That the one hid the other in passing does not matter: people who look
       different are told apart afterwards.
    3. occlusion: one of two people hid the other and they exchanged tracks; or undetected, and hidden in at least
       half of those frames; or detected throughout, yet hidden at some time.
    4. missed detection: undetected though mostly visible, in `MISSES` frames at least.
    5. fragment: visible and as good as always detected; a gate or a limit refused the old track, or it had ended.
    """
    if evidence.jump >= JUMP:
        return Cause.CAMERA_JUMP
    if evidence.rival is not None and (evidence.alike or (evidence.preferred and not evidence.hidden)):
        return Cause.LOOK_ALIKE
    if evidence.rival is not None and evidence.hidden:
        return Cause.OCCLUSION
    if evidence.unseen_visible > evidence.unseen_hidden and evidence.unseen_visible >= MISSES:
        return Cause.MISSED_DETECTION
    if evidence.unseen_hidden or evidence.hidden:
        return Cause.OCCLUSION
    return Cause.FRAGMENT
