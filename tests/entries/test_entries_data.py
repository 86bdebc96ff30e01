"""Footage of one's own, named on the command line."""

from __future__ import annotations

import json

import pytest

from data.conftest import write_image, write_video
from entries.conftest import SHORT, SMALL_NET

SMALL = [
    *("data=base", "data.input_size=[96,160]", "data.batch_size=2", "data.num_workers=0"),
    *("trainer.accelerator=cpu", "trainer.devices=1"),
]


@pytest.fixture
def own_root(tmp_path):
    """A folder with a clip and its boxes, and a video annotated as COCO json."""
    write_video(tmp_path / "own" / "clips" / "walk.mp4")
    rows = [f"{frame},{person},{20 * person},5,12,30" for frame in range(1, 7) for person in (1, 2)]
    (tmp_path / "own" / "clips" / "walk.txt").write_text("\n".join(rows) + "\n")
    images, boxes = [], []
    for number in range(4):
        write_image(tmp_path / "own" / "frames" / f"{number}.png", seed=number)
        images.append({"id": number, "file_name": f"{number}.png", "video_id": 1, "frame_id": number})
        boxes.append({"image_id": number, "category_id": 1, "bbox": [9, 5, 12, 30], "track_id": 4})
    content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "person"}]}
    content["videos"] = [{"id": 1, "name": "square", "fps": 10}]
    (tmp_path / "own" / "square.json").write_text(json.dumps(content))
    return tmp_path / "own"


def test_classes_that_the_network_lacks_are_named_before_it_trains(refused, own_root):
    content = json.loads((own_root / "square.json").read_text())
    (own_root / "square.json").write_text(json.dumps({**content, "videos": []}))
    said = refused(
        *("train", *SMALL, f"data.root={own_root}", *SMALL_NET, *SHORT),
        "+data.train.json={format: coco, annotation: square.json, images: frames, categories: {person: 2}}",
    )
    assert "data set 'json' has objects of class 2, but model.num_classes=1; set model.num_classes=3" in said


def test_videos_train_and_coco_validates(run, own_root):
    trained = run(
        *("train", *SMALL, f"data.root={own_root}", *SMALL_NET, *SHORT, "trainer.max_epochs=1"),
        "+data.train.mine={format: videos, path: clips}",
        "+data.val.json={format: coco, annotation: square.json, images: frames}",
        "data.identity_numbering=reference",
    )
    split = json.loads((trained.folder / "split.json").read_text())
    assert split["train"] == {"mine": {"walk": {"frames": 6, "ranges": [[1, 6]]}}}
    assert split["val"] == {"json": {"square": {"frames": 4, "ranges": [[1, 4]]}}}
    assert trained.metrics["val/GT_Dets"] == 4
    said = (trained.folder / "train.log").read_text()
    assert "training on 6 images with 4 identities" in said  # two people numbered from 1, and one class to spare
    assert (trained.folder / "tracks" / "square.txt").is_file()
