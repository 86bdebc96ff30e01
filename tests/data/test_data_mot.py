from __future__ import annotations

import shutil

import numpy as np
import pytest

from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.dataset import TrainingSamples
from fairmot_pl.data.identities import IdentityIndex
from fairmot_pl.data.mot import has_class_column, read_mot_folder
from fairmot_pl.data.sources import DataSource
from fairmot_pl.letterbox import Letterbox
from fairmot_pl.mot_format import MotFormatError
from fairmot_pl.structures import FrameAnnotation


def test_frames_hold_the_pedestrians_and_nothing_else(make_sequence):
    folder = make_sequence(frames=3)
    (sequence,) = read_mot_folder(folder.parents[1])
    assert (sequence.name, sequence.frame_rate, sequence.folder) == ("MOT17-02-SDP", 25.0, folder)
    assert [frame.frame for frame in sequence.frames] == [1, 2, 3]
    for number, frame in enumerate(sequence.frames, start=1):
        assert frame.image_path == folder / "img1" / f"{number:06d}.jpg"
        assert frame.image_size == (48, 80)
        assert frame.identities.tolist() == [1, 7]  # raw ids; flag 0 and class 7 are gone
        # unclipped, not shifted by one pixel
        np.testing.assert_allclose(frame.boxes, [[number, 5, number + 12, 35], [-6, number, 14.5, number + 41]])
        np.testing.assert_allclose(frame.visibility, [0.75, 0])
        assert frame.classes.tolist() == [0, 0]


def test_rows_need_no_order(make_sequence):
    rows = ["3,2,1,1,5,5,1,1,1", "1,9,1,1,5,5,1,1,1", "3,1,1,1,5,5,1,1,1", "1,2,1,1,5,5,1,1,1"]
    (sequence,) = read_mot_folder(make_sequence(frames=3, rows=rows).parent)
    assert [frame.identities.tolist() for frame in sequence.frames] == [[9, 2], [], [2, 1]]


@pytest.mark.parametrize("up", [0, 1])
def test_root_is_the_set_or_its_folder_of_sequences(make_sequence, up):
    parents = make_sequence().parents
    make_sequence("MOT17-04-SDP")
    (parents[0] / "notes").mkdir()  # a folder that is no sequence
    names = [sequence.name for sequence in read_mot_folder(parents[up])]
    assert names == ["MOT17-02-SDP", "MOT17-04-SDP"]


def test_a_hidden_folder_is_no_sequence(make_sequence):
    folder = make_sequence()
    (folder.parent / ".ipynb_checkpoints" / "img1").mkdir(parents=True)
    assert [sequence.name for sequence in read_mot_folder(folder.parent)] == ["MOT17-02-SDP"]


def test_a_linked_sequence_is_read(make_sequence, tmp_path):
    folder = make_sequence(parent=tmp_path / "elsewhere")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "MOT17-02-SDP").symlink_to(folder)
    assert len(read_mot_folder(tmp_path / "linked")[0]) == 4


@pytest.mark.parametrize(
    ("there", "options", "read"),
    [
        (["02-DPM", "02-FRCNN", "02-SDP"], {}, ["02-SDP"]),
        (["02-DPM", "02-FRCNN"], {}, ["02-FRCNN"]),
        (["02-DPM", "04-SDP"], {}, ["02-DPM", "04-SDP"]),
        (["02-DPM", "02-SDP"], {"detector": "DPM"}, ["02-DPM"]),
        (["02-DPM", "02-SDP", "04-SDP"], {"sequences": ["MOT17-02"]}, ["02-SDP"]),
        (["02-DPM", "02-SDP", "04-SDP"], {"sequences": ["MOT17-02-DPM"]}, ["02-DPM"]),
        (["04-SDP", "02-SDP"], {"sequences": ["MOT17-04", "MOT17-02"]}, ["02-SDP", "04-SDP"]),
    ],
)
def test_every_video_is_read_once(make_sequence, there, options, read):
    for name in there:
        folder = make_sequence(f"MOT17-{name}", frames=1)
    sequences = read_mot_folder(folder.parent, **options)
    assert [sequence.name for sequence in sequences] == [f"MOT17-{name}" for name in read]


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("MOT17-02-SDP", "1,1,5,5,9,9,1,1,0.5", True),
        ("MOT20-01", "1,1,5,5,9,9,1,1,0.5", True),
        ("SYN-01", "1,1,5,5,9,9,1,1,0.5", True),
        ("SYN-01", "1 1 5 5 9 9 1 1", True),
        ("TUD-Campus", "1,1,5,5,9,9,1,-1,-1,-1", False),
        ("ETH-Sunnyday", "1,1,5,5,9,9,1,-5.0036,11.913,0.69979", False),
        ("mine", "1,1,5,5,9,9", False),
    ],
)
def test_the_class_column_is_told_from_names_and_columns(make_sequence, name, row, expected):
    folder = make_sequence(name, frames=1, rows=["", row])
    assert has_class_column(folder / "gt" / "gt.txt") is expected
    (sequence,) = read_mot_folder(folder.parent)
    assert len(sequence.frames[0]) == 1
    if not expected:  # world coordinates are no visibility
        assert sequence.frames[0].visibility.tolist() == [1.0]


def test_a_box_of_zero_size_is_skipped_with_a_warning(make_sequence):
    rows = ["1,1,5,5,9,9,1,1,1", "2,4,5,5,0,9,1,1,1", "3,4,5,5,9,-2,1,1,1"]
    folder = make_sequence(rows=rows)
    with pytest.warns(UserWarning, match=r"gt.txt: 2 rows hold a box of zero size.*first: frame 2, id 4"):
        (sequence,) = read_mot_folder(folder.parent)
    assert [len(frame) for frame in sequence.frames] == [1, 0, 0, 0]


def test_unknown_identities_may_repeat(make_sequence):
    rows = ["1,-1,5,5,9,9,1,1,1", "1,-1,25,5,9,9,1,1,1"]
    (sequence,) = read_mot_folder(make_sequence(rows=rows).parent)
    assert sequence.frames[0].identities.tolist() == [-1, -1]


def test_a_video_of_nobody_is_one(make_sequence):
    (sequence,) = read_mot_folder(make_sequence(rows=[]).parent)
    assert [len(frame) for frame in sequence.frames] == [0] * 4


BAD_SEQUENCES = {
    "too few images": (
        {"frames": 3, "length": 5},
        MotFormatError,
        r"seqinfo.ini: seqLength is 5, but .*img1 holds 3 images",
    ),
    "too many images": ({"frames": 3, "length": 2}, MotFormatError, "seqLength is 2, but .* holds 3 images"),
    "other size": (
        {"said_size": (50, 80)},
        MotFormatError,
        r"seqinfo.ini: imWidth x imHeight is 80 x 50, but .*000001.jpg is 80 x 48",
    ),
    "only distractors": ({"rows": ["1,1,5,5,9,9,1,7,1"]}, MotFormatError, "none of its 1 rows is a person"),
    "broken row": (
        {"rows": ["1,1,5,5,9,9,1,1,1", "1,2,x,5,9,9"]},
        MotFormatError,
        "gt.txt, line 2.*no number",
    ),
    "short row": ({"rows": ["1,1,5"]}, MotFormatError, "gt.txt, line 1.*3 columns"),
    "beyond the end": (
        {"frames": 2, "rows": ["1,1,5,5,9,9,1,1,1", "12,1,5,5,9,9,1,1,1"]},
        MotFormatError,
        r"gt.txt: 1 rows lie beyond the sequence's 2 frames \(last: frame 12\)",
    ),
    "id twice": (
        {"rows": ["2,6,5,5,9,9,1,1,1", "2,6,5,5,9,9,1,1,1"]},
        MotFormatError,
        "gt.txt: id 6 stands twice in frame 2",
    ),
}


@pytest.mark.parametrize("case", BAD_SEQUENCES)
def test_a_sequence_that_contradicts_itself_is_refused(make_sequence, case):
    options, error, message = BAD_SEQUENCES[case]
    with pytest.raises(error, match=message):
        read_mot_folder(make_sequence(**options).parent)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("img1", "img1: no such folder; sequence MOT17-02-SDP needs its images there"),
        ("seqinfo.ini", "seqinfo.ini: no such file"),
        ("gt/gt.txt", "gt.txt: no such file; only annotated sequences"),
        ("img1/*.jpg", "img1: holds no .jpg image"),
    ],
)
def test_a_missing_part_is_named(make_sequence, missing, message):
    folder = make_sequence()
    for path in list(folder.glob(missing)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(FileNotFoundError, match=message):
        read_mot_folder(folder.parent)


@pytest.mark.parametrize(
    ("rename", "message"),
    [
        ("000000.jpg", "img1: frame 2 of 4 has no image"),
        ("second.jpg", "second.jpg: the name is no frame number"),
    ],
)
def test_images_are_named_by_frame(make_sequence, rename, message):
    folder = make_sequence()
    (folder / "img1" / "000002.jpg").rename(folder / "img1" / rename)
    with pytest.raises(MotFormatError, match=message):
        read_mot_folder(folder.parent)


@pytest.mark.parametrize("frame_rate", [None, 30.0])
def test_the_size_is_that_of_the_first_image_that_can_be_read(make_sequence, frame_rate):
    folder = make_sequence(frames=3)
    if frame_rate:
        (folder / "seqinfo.ini").unlink()
    (folder / "img1" / "000001.jpg").write_bytes(b"nothing")
    (sequence,) = read_mot_folder(folder.parent, frame_rate=frame_rate)
    assert [frame.image_size for frame in sequence.frames] == [(48, 80)] * 3  # whoever opens the first will tell
    for image in (folder / "img1").iterdir():
        image.write_bytes(b"")
    with pytest.raises(MotFormatError, match="img1: none of its 3 images is readable; replace the files"):
        read_mot_folder(folder.parent, frame_rate=frame_rate)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"split": "third"}, ValueError, "split is 'third'; allowed: 'full', 'first_half', 'second_half'"),
        ({"subset": "val"}, FileNotFoundError, r"val: no such folder of sequences; folders there: MOT17-02-SDP"),
        ({"sequences": "a.txt"}, FileNotFoundError, r"a\.txt: no such list of sequences; one name a line"),
        ({"frame_rate": "fast"}, ValueError, "frame_rate is 'fast'; a positive number"),
        ({"detector": "YOLO"}, ValueError, "detector is 'YOLO'; allowed: 'auto', 'SDP'"),
        ({"detector": "DPM"}, ValueError, "MOT17-02 has no DPM copy; there is SDP"),
        ({"sequences": ["MOT17-03"]}, ValueError, "no sequence 'MOT17-03'; nearest is MOT17-02-SDP"),
        ({"sequences": "MOT17-02"}, ValueError, r"sequences is the text 'MOT17-02'; a list"),
    ],
)
def test_an_option_that_cannot_be_met_is_refused(make_sequence, options, error, message):
    with pytest.raises(error, match=message):
        read_mot_folder(make_sequence().parent, **options)


def test_a_wrong_root_says_what_is_expected(make_sequence, tmp_path):
    layout = r"expected ROOT/train/SEQUENCE/ or ROOT/SEQUENCE/, each with img1/, gt/gt.txt and seqinfo.ini"
    with pytest.raises(FileNotFoundError, match=rf"nowhere: no such folder; {layout}"):
        read_mot_folder(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=rf"holds no MOTChallenge sequence; {layout}"):
        read_mot_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"is one sequence.*sequences=\[MOT17-02-SDP\]"):
        read_mot_folder(make_sequence())


def test_halves_keep_their_frame_numbers(make_sequence):
    root = make_sequence(frames=5).parent
    first, second = (read_mot_folder(root, split=split)[0] for split in ("first_half", "second_half"))
    assert [frame.frame for frame in first.frames] == [1, 2]
    assert [frame.frame for frame in second.frames] == [3, 4, 5]
    assert first.name == second.name


REAL = {  # sequences, frames, boxes, ids: as the data's own description counts them
    "MOT17-mini": (7, 39, 814, 137),
    "MOT17-09/train": (1, 200, 1645, 14),
    "MOT15": (2, 425, 2217, 38),
}


@pytest.mark.parametrize("root", REAL)
def test_real_sets_have_the_published_counts(real_data, root):
    sequences = read_mot_folder(real_data / root)
    ids = sum(len(np.unique(np.concatenate([f.identities for f in s.frames]))) for s in sequences)
    boxes = sum(len(frame) for sequence in sequences for frame in sequence.frames)
    assert (len(sequences), sum(map(len, sequences)), boxes, ids) == REAL[root]


LIKE_MOT = {  # layout below the root, name of the first image, rows of gt.txt
    "DanceTrack": ("{}/dancetrack0001", "00000001.jpg", ["1,0,5,6,12,30,1,1,1", "2,0,6,6,12,30,1,1,1"]),
    "SportsMOT": ("dataset/{}/v_-6Os86HzwCs_c001", "000001.jpg", ["1, 0, 5, 6, 12, 30, 1, 1, 1"]),
    "MOT17 in JDE's zoo": ("images/{}/MOT17-02-SDP", "000001.jpg", ["1,1,5,6,12,30,1,1,0.3"]),
}


@pytest.mark.parametrize("name", LIKE_MOT)
def test_layouts_like_mot_have_their_parts(make_sequence, tmp_path, name):
    place, image, rows = LIKE_MOT[name]
    for part in ("train", "val"):
        folder = tmp_path / place.format(part)
        make_sequence(folder.name, parent=folder.parent, rows=rows, frames=2 if part == "train" else 3)
        for path in sorted((folder / "img1").iterdir()):
            path.rename(path.with_name(path.stem.zfill(len(image) - 4) + ".jpg"))
    root = tmp_path / "dataset" if place.startswith("dataset") else tmp_path
    (train,), (val,) = (read_mot_folder(root, subset=part) for part in ("train", "val"))
    assert (len(train), len(val)) == (2, 3)
    assert train.frames[0].image_path == tmp_path / place.format("train") / "img1" / image
    np.testing.assert_allclose(train.frames[0].boxes, [[5, 6, 17, 36]])  # 1, 1, 1 is flag, class and visibility
    assert read_mot_folder(root)[0].folder == train.folder


def test_archives_unpacked_side_by_side_are_one_part(make_sequence, tmp_path):
    for part, name in (("train1", "dancetrack0008"), ("train2", "dancetrack0001"), ("val", "dancetrack0004")):
        make_sequence(name, parent=tmp_path / part)
    (tmp_path / "train_seqmap.txt").write_text("name\ndancetrack0001\ndancetrack0004\n")
    for subset in ("train", None):
        names = [sequence.name for sequence in read_mot_folder(tmp_path, subset=subset)]
        assert names == ["dancetrack0001", "dancetrack0008"]
    (listed,) = read_mot_folder(tmp_path, sequences="train_seqmap.txt")
    assert listed.name == "dancetrack0001"
    make_sequence("dancetrack0001", parent=tmp_path / "train1")
    with pytest.raises(ValueError, match=r"train2/dancetrack0001: there is .*train1/dancetrack0001 too; delete one"):
        read_mot_folder(tmp_path)
    shutil.rmtree(tmp_path / "train1" / "dancetrack0001")
    (tmp_path / "train_seqmap.txt").write_text("dancetrack0004\n")
    with pytest.raises(ValueError, match="names none of the 2 sequences there; the first is dancetrack0001"):
        read_mot_folder(tmp_path, sequences="train_seqmap.txt")


def test_one_sport_is_picked_by_its_list(make_sequence, tmp_path):
    for part, name in (("train", "v_a"), ("train", "v_b"), ("val", "v_c")):
        make_sequence(name, parent=tmp_path / "dataset" / part)
    (tmp_path / "splits_txt").mkdir()
    (tmp_path / "splits_txt" / "football.txt").write_text("v_b\nv_c\nv_d\n")
    for part, name in (("train", "v_b"), ("val", "v_c")):
        options = {"subset": part, "sequences": "../splits_txt/football.txt"}
        assert [found.name for found in read_mot_folder(tmp_path / "dataset", **options)] == [name]


def test_a_test_set_is_refused_for_what_it_is(make_sequence):
    folder = make_sequence("MOT20-04")
    shutil.rmtree(folder / "gt")
    folder.parent.rename(folder.parent.with_name("test"))
    with pytest.raises(FileNotFoundError, match=r"gt\.txt: no such file; .*of test/ nobody publishes the ground truth"):
        read_mot_folder(folder.parents[1], subset="test")


def test_mot20_keeps_pedestrians_of_all_its_classes(make_sequence):
    classes = (1, 2, 6, 7, 8, 9, 10, 11, 12, 13)
    rows = [f"1,{number},{number},5,9,20,1,{number},1" for number in classes]
    rows += ["1,40,5,5,9,20,0,1,1", "1,41,5,5,9,20,1,1,0"]
    (sequence,) = read_mot_folder(make_sequence("MOT20-01", rows=rows).parent)
    assert sequence.frames[0].identities.tolist() == [1, 41]


def test_mot15_is_frame_major_and_may_lack_seqinfo(make_sequence):
    rows = [f"{frame},{number},5,5,9,20,{int(number != 3)},-1,-1,-1" for frame in (1, 2) for number in (1, 2, 3)]
    folder = make_sequence("Venice-2", rows=rows, frames=2)
    (folder / "seqinfo.ini").unlink()
    with pytest.raises(FileNotFoundError, match=r"seqinfo\.ini: no such file; .*frame_rate=\.\.\. beside format"):
        read_mot_folder(folder.parent)
    (sequence,) = read_mot_folder(folder.parent, frame_rate=30.0)
    assert (sequence.frame_rate, sequence.frames[0].image_size, len(sequence)) == (30, (48, 80), 2)
    assert [frame.identities.tolist() for frame in sequence.frames] == [[1, 2], [1, 2]]
    (sequence,) = read_mot_folder(folder.parent, frame_rate={"Venice-2": 25, "TUD-Campus": 14})
    assert sequence.frame_rate == 25
    with pytest.raises(FileNotFoundError, match=r"seqinfo\.ini: no such file; .*or \{Venice-2: 25, \.\.\.\}"):
        read_mot_folder(folder.parent, frame_rate={"TUD-Campus": 14})
    with pytest.raises(ValueError, match="a positive number of frames per second"):
        read_mot_folder(folder.parent, frame_rate={"Venice-2": "fast"})
    (folder / "img1" / "000001.jpg").unlink()
    (folder / "img1" / "000002.jpg").unlink()
    with pytest.raises(FileNotFoundError, match="img1: holds no image"):
        read_mot_folder(folder.parent, frame_rate=30.0)


EACH = {  # frames, ids and boxes of the sequences, where the data's own description counts them
    "MOT17-mini": {"02": (4,), "04": (8,), "05": (6,), "09": (4,), "10": (5,), "11": (7,), "13": (5,)},
    "MOT17-09": {"09": (200, 14, 1645)},
    "MOT15": {"ETH-Sunnyday": (354, 30, 1858), "TUD-Campus": (71, 8, 359)},
}


@pytest.mark.parametrize("root", EACH)
def test_each_real_sequence_has_the_published_counts(real_data, root):
    for sequence, (name, said) in zip(read_mot_folder(real_data / root), EACH[root].items(), strict=True):
        ids = np.unique(np.concatenate([frame.identities for frame in sequence.frames]))
        counts = len(sequence), len(ids), sum(map(len, sequence.frames))
        assert name in sequence.name
        assert counts[: len(said)] == said
        size = (480, 640) if name == "05" or root == "MOT15" else (1080, 1920)
        assert {frame.image_size for frame in sequence.frames} == {size}


def test_a_person_beyond_the_image_arrives_whole_in_the_targets(real_data):
    (sequence,) = read_mot_folder(real_data / "MOT17-09" / "train")
    place, frame = max(enumerate(sequence.frames), key=lambda found: outside(found[1]).max(initial=0))
    assert outside(frame).max() > 100
    index = IdentityIndex.build([("mot17", [sequence])])
    source = DataSource(name="mot17", sequences=(sequence,))
    targets = TrainingSamples([source], index, augmentation=Augmentation.none((608, 1088)))[0, place].targets
    whole = (frame.boxes[:, 2:] - frame.boxes[:, :2]) * Letterbox(frame.image_size, (608, 1088)).ratio / 4
    encoded = targets.size[: len(frame), :2] + targets.size[: len(frame), 2:]
    np.testing.assert_allclose(encoded.numpy(), whole, rtol=1e-4)
    assert targets.mask.sum() == len(frame)
    known = index.lookup("mot17", sequence.name, frame.identities)
    assert targets.identity[: len(frame)].tolist() == known.tolist()


def outside(frame: FrameAnnotation) -> np.ndarray:
    """How many pixels each box reaches beyond the image."""
    height, width = frame.image_size
    return np.maximum(-frame.boxes[:, :2], frame.boxes[:, 2:] - [width, height]).max(axis=1)
