import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fairmot_pl.data.synthetic_camera import FAR, NEAR, Perspective
from fairmot_pl.data.synthetic_config import SyntheticConfig
from fairmot_pl.data.synthetic_drawing import Sprite, bounding_box, capsules, paste, rasterise
from fairmot_pl.data.synthetic_figures import figure_polygons
from fairmot_pl.data.synthetic_frames import SyntheticScene
from fairmot_pl.data.synthetic_looks import Wardrobe
from fairmot_pl.data.synthetic_pose import Stance
from fairmot_pl.data.synthetic_shadows import Sun
from fairmot_pl.data.synthetic_things import Thing
from fairmot_pl.data.synthetic_world import STEP, Walk

TINY = SyntheticConfig(frames=6, image_size=(96, 160), people=3, occluders=2, seed=11)
BARE = SyntheticConfig(frames=60, people=1, occluders=0, lookalikes=0, light_change=0, noise=0, seed=4)
GOLDEN = Path(__file__).parents[1] / "golden" / "synthetic_scene.json"


def walk(identity, x, z, *, speed=0.0, heading=0.0, seconds=4.0):
    """A straight walk along the X axis, planted by hand."""
    time = np.arange(0, seconds, STEP)
    columns = [x + speed * time, z, heading, abs(speed) * time, abs(speed)]
    return Walk(identity, 0, np.stack(np.broadcast_arrays(*columns), axis=-1).astype(float))


def planted(config, *walks):
    scene = SyntheticScene(config)
    scene.walks = list(walks)
    return scene


def extent(mask):
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)


@pytest.mark.parametrize("height", [96, 360, 720])
@pytest.mark.parametrize("speed", [0.0, 1.3, 2.5])
def test_boxes_fit_the_drawn_pixels_to_two_pixels(height, speed):
    view, wardrobe = Perspective((height, 2 * height)), Wardrobe(height, 0.0)
    for identity in range(1, 17):
        stance = Stance(0.3 * identity - 3, 5.5 + 0.6 * identity, 0.4 * identity, 0.17 * identity, speed)
        polygons = figure_polygons(wardrobe.person(identity), stance, view)
        sprite = rasterise(polygons)
        drawn = extent(sprite.mask) + np.tile([sprite.left, sprite.top], 2)
        assert np.abs(drawn - bounding_box(polygons)).max() <= 2


@pytest.mark.parametrize("camera_motion", [0.0, 0.6])
def test_ground_truth_lies_where_the_image_changes(camera_motion, monkeypatch):
    monkeypatch.setattr(Sun, "cast", lambda *_: None)
    config = replace(BARE, camera_motion=camera_motion)
    empty, scene = planted(config), planted(config, walk(7, -1.0, 8.0, speed=1.2))
    for index in (0, 17, 41):
        frame = scene.frame(index)
        changed = np.abs(frame.image.astype(int) - empty.frame(index).image).max(axis=2) > 25
        left, top, width, height = frame.boxes[0]
        box = np.array([left, top, left + width, top + height])
        assert frame.ids.tolist() == [7]
        assert frame.visibility[0] == 1
        assert np.abs(extent(changed) - box).max() <= 2


def test_a_fully_hidden_person_stays_with_visibility_zero():
    scene = planted(BARE, walk(1, 0.0, 8.0))
    whole = scene.frame(0)
    wall = np.full((360, 640, 4), 255, np.uint8)
    scene.things.append(Thing("wall", 3.0, Sprite(0, 0, wall), ()))
    hidden = scene.frame(0)
    assert hidden.ids.tolist() == [1]
    assert hidden.visibility.tolist() == [0.0]
    assert np.array_equal(hidden.boxes, whole.boxes)
    assert (hidden.image.reshape(-1, 3) == hidden.image[0, 0]).all()


def test_visibility_counts_the_pixels_a_thing_leaves_free():
    scene = planted(BARE, walk(1, 0.0, 8.0))
    _, top, _, height = scene.frame(0).boxes[0]
    cut = round(top + height / 2)
    scene.things.append(Thing("wall", 3.0, Sprite(0, cut, np.full((360, 640, 4), 255, np.uint8)), ()))
    polygons = figure_polygons(scene.wardrobe.person(1), Stance(0, 8, 0, 0, 0), scene.view)
    sprite = rasterise(polygons)
    expected = sprite.mask[: cut - sprite.top].sum() / sprite.mask.sum()
    assert 0.3 < expected < 0.8
    assert scene.frame(0).visibility[0] == pytest.approx(expected)


@pytest.mark.parametrize(("depths", "hidden"), [((7.0, 7.6), 1), ((7.6, 7.0), 0)])
def test_the_nearer_person_hides_the_farther_one(depths, hidden):
    scene = planted(BARE, walk(1, 0.0, depths[0]), walk(2, 0.0, depths[1]))
    visibility = scene.frame(0).visibility
    assert visibility[1 - hidden] == 1
    assert visibility[hidden] < 0.5


def test_people_enter_whole_and_leave_whole():
    config = replace(BARE, frames=200)
    scene = planted(config, walk(3, -6.0, 8.0, speed=2.0, seconds=6.0))
    frames = [scene.frame(index) for index in range(0, 180, 3)]
    present = np.array([len(frame.ids) for frame in frames])
    first, last = np.flatnonzero(present)[[0, -1]]
    assert 0 < first < last < len(frames) - 1
    assert present[first : last + 1].all()
    boxes = np.concatenate([frame.boxes for frame in frames])
    visibility = np.concatenate([frame.visibility for frame in frames])
    # cut by the border: the box still reaches outside, and that part does not count as seen
    assert boxes[0, 0] < 0 < boxes[0, 0] + boxes[0, 2]
    assert boxes[-1, 0] < 640 < boxes[-1, 0] + boxes[-1, 2]
    inside = (boxes[:, 0] >= 1) & (boxes[:, 0] + boxes[:, 2] <= 639)
    assert (visibility[inside] == 1).all()
    assert (visibility[~inside] < 1).any()
    assert visibility[0] < 0.6


def test_nobody_appears_or_vanishes_inside_the_image():
    config = SyntheticConfig(frames=240, frame_rate=8, image_size=(96, 160), people=8, occluders=3, seed=3)
    scene = SyntheticScene(config)
    frames = [scene.frame(index) for index in range(config.frames)]
    seen = {}
    for index, frame in enumerate(frames):
        for identity, box in zip(frame.ids.tolist(), frame.boxes, strict=True):
            seen.setdefault(identity, []).append((index, box))
    assert len(seen) > 15
    for track in seen.values():
        for index, box in (track[0], track[-1]):
            at_border = box[0] < 6 or box[0] + box[2] > 154
            assert index in (0, config.frames - 1) or at_border
        indices = [index for index, _ in track]
        assert indices == list(range(indices[0], indices[-1] + 1))


def test_a_crowd_is_well_formed():
    config = SyntheticConfig(frames=150, frame_rate=15, people=20, camera_motion=0.5, seed=9)
    scene = SyntheticScene(config)
    frames = [scene.frame(index) for index in range(0, 150, 10)]
    for frame in frames:
        right, bottom = frame.boxes[:, 0] + frame.boxes[:, 2], frame.boxes[:, 1] + frame.boxes[:, 3]
        assert (np.diff(frame.ids) > 0).all()
        assert ((frame.visibility >= 0) & (frame.visibility <= 1)).all()
        assert ((right > 0) & (frame.boxes[:, 0] < 640) & (bottom > 0) & (frame.boxes[:, 1] < 360)).all()
        assert frame.image.shape == (360, 640, 3)
        assert frame.image.dtype == np.uint8
    heights = np.concatenate([frame.boxes[:, 3] for frame in frames])
    assert ((heights > 60) & (heights < 180)).mean() > 0.9
    assert 10 < np.mean([len(frame.ids) for frame in frames]) < 26


@pytest.mark.parametrize("camera_motion", [0.3, 1.0])
def test_a_moving_camera_moves_boxes_and_street_alike(camera_motion):
    config = replace(BARE, people=0, occluders=4, camera_motion=camera_motion)
    scene, empty = planted(config, walk(1, 0.0, 8.0)), SyntheticScene(config)
    first, later = scene.frame(0), scene.frame(45)
    moved = np.subtract(scene.camera.offset(45 / 30), scene.camera.offset(0))
    assert np.hypot(*moved) > 3
    assert np.allclose(later.boxes[0, :2] - first.boxes[0, :2], -moved)
    assert np.allclose(later.boxes[0, 2:], first.boxes[0, 2:])
    grey = [cv2.cvtColor(empty.frame(index).image, cv2.COLOR_BGR2GRAY).astype(np.float32) for index in (0, 45)]
    shift, _ = cv2.phaseCorrelate(*grey, cv2.createHanningWindow((640, 360), cv2.CV_32F))
    assert np.allclose(shift, -moved, atol=0.5)


def test_the_camera_never_leaves_the_panorama():
    config = replace(TINY, frames=3000, people=0, camera_motion=1.0)
    scene = SyntheticScene(config)
    offsets = np.array([scene.camera.offset(index / 30) for index in range(3000)])
    assert (np.abs(offsets).max(axis=0) < np.array(scene.camera.reach) - 1).all()
    farthest = int(np.abs(offsets[:, 0]).argmax())
    assert scene.frame(farthest).image.shape == (96, 160, 3)


def test_the_frame_rate_changes_only_how_often_the_world_is_seen():
    config = replace(TINY, frames=40, noise=0.0, camera_motion=0.4, light_change=1.0)
    often, seldom = SyntheticScene(config), SyntheticScene(replace(config, frames=10, frame_rate=7.5))
    for index in (0, 3, 9):
        one, other = often.frame(4 * index), seldom.frame(index)
        assert np.array_equal(one.ids, other.ids)
        assert np.allclose(one.boxes, other.boxes, atol=1e-9)
        assert np.array_equal(one.image, other.image)


@pytest.mark.parametrize("change", [{"noise": 9.0}, {"light_change": 1.0}, {"frames": 30}])
def test_knobs_leave_the_rest_of_the_world_alone(change):
    one, other = SyntheticScene(TINY).frame(5), SyntheticScene(replace(TINY, **change)).frame(5)
    assert np.array_equal(one.boxes, other.boxes)
    assert np.array_equal(one.visibility, other.visibility)
    assert np.array_equal(one.image, other.image) == ("frames" in change)


def test_frames_depend_on_seed_and_index_alone():
    scene, again = SyntheticScene(TINY), SyntheticScene(TINY)
    wanted = [scene.frame(index).image for index in (4, 2)]
    assert np.array_equal(again.frame(2).image, wanted[1])
    assert np.array_equal(again.frame(4).image, wanted[0])
    assert not np.array_equal(SyntheticScene(replace(TINY, seed=12)).frame(4).image, wanted[0])
    with pytest.raises(IndexError, match="frame index 6 of a sequence of 6"):
        scene.frame(6)


def test_light_changes_brightness_and_nothing_when_off():
    def means(amount):
        scene = SyntheticScene(replace(TINY, frames=300, people=0, noise=0.0, light_change=amount))
        return np.array([scene.frame(index).image.mean(axis=(0, 1)) for index in range(0, 300, 30)])

    assert np.ptp(means(0.0), axis=0).max() == 0
    assert np.ptp(means(1.0), axis=0).min() > 8


@pytest.mark.parametrize("speed", [0.6, 1.3, 2.5])
def test_speed_is_walking_speed(speed):
    wide = replace(TINY, image_size=(96, 480), frames=900, people=4, occluders=0, walking_speed=speed)
    rows = np.concatenate([way.rows for way in SyntheticScene(wide).walks])
    walking = rows[rows[:, 4] > 0.5 * speed, 4]  # the others stand, or make way
    assert np.median(walking) == pytest.approx(speed, rel=0.15)


def test_people_walk_between_near_and_far_and_around_things():
    scene = SyntheticScene(replace(TINY, frames=300, people=10, occluders=6))
    rows = np.concatenate([way.rows for way in scene.walks])
    assert rows[:, 1].min() > NEAR - 0.5
    assert rows[:, 1].max() < FAR + 0.6
    inside = [
        np.hypot(rows[:, 0] - disc.x, rows[:, 1] - disc.z) < disc.radius
        for thing in scene.things
        for disc in thing.obstacles
    ]
    assert np.mean(np.any(inside, axis=0)) < 0.02


def gap(one, other):
    return float(np.linalg.norm(one.signature() - other.signature()))


def test_strangers_differ_and_lookalikes_do_not():
    wardrobe = Wardrobe(5, 0.5)
    people = [wardrobe.person(identity) for identity in range(1, 25)]
    twins = [person for person in people if person.twin_of]
    originals = [person for person in people if not person.twin_of]
    assert 6 <= len(twins) <= 18
    to_model = [gap(twin, people[twin.twin_of - 1]) for twin in twins]
    apart = [gap(one, other) for one in originals for other in originals if one is not other]
    assert max(to_model) < 10
    assert min(apart) > 2 * max(to_model)
    assert all(people[twin.twin_of - 1].twin_of is None for twin in twins)
    bodies = [(twin.height, people[twin.twin_of - 1].height) for twin in twins]
    assert all(own != other for own, other in bodies)


@pytest.mark.parametrize(("share", "twins"), [(0.0, 0), (1.0, 19)])
def test_extreme_shares_of_lookalikes(share, twins):
    wardrobe = Wardrobe(2, share)
    people = [wardrobe.person(identity) for identity in range(1, 21)]
    assert sum(person.twin_of is not None for person in people) == twins
    assert Wardrobe(2, share).person(20) == people[19]


def test_capsules_reach_as_far_as_their_round_ends():
    points = capsules(np.array([[0.0, 0.0]]), np.array([[10.0, 0.0]]), np.array([2.0]), np.array([1.0]))[0]
    assert np.allclose([*points.min(axis=0), *points.max(axis=0)], [-2, -2, 11, 2])
    dot = capsules(np.zeros((1, 2)), np.zeros((1, 2)), np.ones(1), np.ones(1))[0]
    assert np.allclose(np.hypot(*dot.T), 1)


def test_paste_blends_and_ignores_what_lies_outside():
    canvas = np.full((4, 4, 3), 100, np.uint8)
    half = np.full((2, 2, 4), 64, np.uint8)
    half[..., 3] = 128
    paste(canvas, Sprite(3, -1, half))
    assert canvas[0, 3, 0] == pytest.approx(64 + 100 * 127 / 255, abs=1)
    assert (canvas[:, :3] == 100).all()
    before = canvas.copy()
    paste(canvas, Sprite(9, 9, half))
    assert np.array_equal(canvas, before)


def test_projection_by_hand():
    view = Perspective((100, 200))
    assert view.focal == 154
    assert np.allclose(view.project(np.array([0.0, 2.9, 7.0])), [100, 20])
    assert np.allclose(view.project(np.array([1.0, 0.0, 15.4])), [110, 20 + 29])
    assert math.isclose(view.half_width(15.4), 10.0)


def test_figures_stay_as_they_were():
    """A regression on another machine than the one that wrote the file; half a pixel for its libraries."""
    scene = SyntheticScene(TINY)
    for entry in json.loads(GOLDEN.read_text()):
        frame = scene.frame(entry["index"])
        assert frame.ids.tolist() == entry["ids"]
        assert np.allclose(frame.boxes, entry["boxes"], atol=0.5)
        assert np.allclose(frame.visibility, entry["visibility"], atol=0.05)
        assert np.allclose(frame.image.mean(axis=(0, 1)), entry["colour"], atol=1.5)
