import pytest

from fairmot_pl.evaluation.causes import ALIKE, JUMP, Cause, Evidence, classify

CASES = {
    "nothing at all": (Evidence(), Cause.FRAGMENT),
    "one miss alone": (Evidence(unseen_visible=1), Cause.FRAGMENT),
    "missed in plain sight": (Evidence(unseen_visible=2), Cause.MISSED_DETECTION),
    "missed, hidden in fewer frames": (Evidence(unseen_visible=5, unseen_hidden=4, hidden=4), Cause.MISSED_DETECTION),
    "missed while passing somebody": (Evidence(rival=2, unseen_visible=5, hidden=1), Cause.OCCLUSION),
    "missed, a rival apart": (Evidence(rival=2, unseen_visible=5), Cause.MISSED_DETECTION),
    "missed, hidden in as many": (Evidence(unseen_visible=4, unseen_hidden=4, hidden=4), Cause.OCCLUSION),
    "hidden yet detected": (Evidence(hidden=1), Cause.OCCLUSION),
    "one hidden miss": (Evidence(unseen_hidden=1, hidden=1), Cause.OCCLUSION),
    "twins": (Evidence(rival=2, likeness=0.0), Cause.LOOK_ALIKE),
    "twins, hidden in passing": (Evidence(rival=2, likeness=0.0, hidden=9, unseen_hidden=7), Cause.LOOK_ALIKE),
    "not quite twins": (Evidence(rival=2, likeness=ALIKE, hidden=1), Cause.OCCLUSION),
    "alike, but nobody took part": (Evidence(likeness=0.0, hidden=1), Cause.OCCLUSION),
    "looks of a rival are unknown": (Evidence(rival=2, hidden=1), Cause.OCCLUSION),
    "preferred in the open": (Evidence(rival=2, likeness=2.0, preferred=True), Cause.LOOK_ALIKE),
    "preferred while hidden": (Evidence(rival=2, likeness=2.0, preferred=True, hidden=1), Cause.OCCLUSION),
    "preferred without a rival": (Evidence(preferred=True), Cause.FRAGMENT),
    "a nudge": (Evidence(jump=0.9 * JUMP), Cause.FRAGMENT),
    "a jump": (Evidence(jump=JUMP), Cause.CAMERA_JUMP),
    "a jump, twins and all": (Evidence(jump=1, rival=2, likeness=0, hidden=3, unseen_hidden=3), Cause.CAMERA_JUMP),
}


@pytest.mark.parametrize(("evidence", "cause"), CASES.values(), ids=CASES)
def test_the_first_rule_that_holds(evidence, cause):
    assert classify(evidence) is cause
