"""The shipped descriptions of MIX and its kin, read from a root laid out as JDE's data zoo."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from fairmot_pl.config.folders import conf_dir
from fairmot_pl.data.identities import IdentityIndex
from fairmot_pl.data.sources import read_sources

CAR_PARK = "0 {} 0.500000 0.500000 0.250000 0.500000"
ZOO = {  # list, images and the ids in each
    "caltech.all": {"Caltech/data/images/set00_V000_68.png": [0, 4], "Caltech/data/images/set01_V000_1.png": [4, -1]},
    "citypersons.train": {"Cityscapes/images/train/jena/jena_000078_000019_leftImg8bit.png": [-1, -1]},
    "cuhksysu.train": {"CUHKSYSU/images/s1.jpg": [2], "CUHKSYSU/images/s2.jpg": [-1]},
    "prw.train": {"PRW/images/c1s1_000151.jpg": [0, 1]},
    "eth.train": {"ETHZ/eth01/images/image_00000001_0.png": [-1]},
}


@pytest.fixture
def zoo(make_sequence, make_jde, make_crowd, tmp_path):
    for name, images in ZOO.items():
        rows = {
            image: [CAR_PARK.format(number).replace("0.5", f"0.{4 + place}", 1) for place, number in enumerate(ids)]
            for image, ids in images.items()
        }
        root = make_jde(rows, f"lists/{name}")
    for name in ("MOT17-02-SDP", "MOT17-02-DPM", "MOT17-04-SDP"):
        make_sequence(name, parent=root / "MOT17" / "train")  # people 1 and 7 in each
    people = {"tag": "person", "fbox": [1, 2, 10, 20], "extra": {}}
    crowd = make_crowd([{"ID": "a", "gtboxes": [people, people]}])
    (crowd / "annotation_val.odgt").write_text((crowd / "annotation_train.odgt").read_text())
    crowd.rename(root / "CrowdHuman")
    return root


def described(name: str) -> dict:
    """`train` and `val` of a shipped configuration, with what it builds on."""
    content = yaml.safe_load((conf_dir() / "data" / f"{name}.yaml").read_text())
    parents = [parent for parent in content.pop("defaults", []) if parent != "_self_"]
    found = described(parents[0]) if parents else {"train": {}, "val": {}}
    for side in ("train", "val"):
        for key, source in (content.get(side) or {}).items():
            found[side][key] = {**found[side].get(key, {}), **source}
    return found


@pytest.mark.parametrize(("numbering", "classes"), [("dense", 4 + 2 + 0 + 1 + 2 + 0), ("reference", 5 + 5 + 3 + 2 + 1)])
def test_identities_of_mix(zoo, numbering, classes):
    sources = read_sources(described("mix")["train"], zoo)
    assert [source.name for source in sources] == ["mot17", "caltech", "citypersons", "cuhksysu", "prw", "eth"]
    assert [sum(map(len, source.sequences)) for source in sources] == [8, 2, 1, 2, 1, 1]
    index = IdentityIndex.build(((source.name, source.sequences) for source in sources), numbering=numbering)
    assert index.num_identities == classes
    seen = []
    for source in sources:
        for sequence in source.sequences:
            ids = np.concatenate([frame.identities for frame in sequence.frames])
            found = index.lookup(source.name, sequence.name, ids)
            np.testing.assert_array_equal(found == -1, ids == -1)  # unknown people train detection only
            seen += np.unique(found[found >= 0]).tolist()
    assert len(seen) == len(set(seen)) == 9
    assert max(seen) < classes


def test_mix_half_splits_mot17_alone(zoo):
    sources = described("mix_half")
    train, val = (read_sources(sources[side], zoo) for side in ("train", "val"))
    assert [sum(map(len, source.sequences)) for source in train] == [4, 2, 1, 2, 1, 1]
    assert [[frame.frame for frame in sequence.frames] for source in val for sequence in source.sequences] == [
        [3, 4]
    ] * 2


def test_crowdhuman_beside_mix_trains_detection_only(zoo):
    sources = read_sources(described("mix_crowdhuman")["train"], zoo)
    assert [source.name for source in sources][-2:] == ["crowdhuman_train", "crowdhuman_val"]
    index = IdentityIndex.build((source.name, source.sequences) for source in sources)
    assert (index.num_identities, sum(len(frame) for frame in sources[-1].sequences[0].frames)) == (9, 2)


@pytest.mark.parametrize(("numbering", "classes"), [("dense", 4), ("reference", 5)])
def test_parts_of_crowdhuman_share_no_identity(zoo, numbering, classes):
    sources = read_sources(described("crowdhuman")["train"], zoo / "CrowdHuman")
    index = IdentityIndex.build(((source.name, source.sequences) for source in sources), numbering=numbering)
    assert index.num_identities == classes
    found = [
        index.lookup(source.name, source.sequences[0].name, source.sequences[0].frames[0].identities).tolist()
        for source in sources
    ]
    assert found == [[0, 1], [2, 3]]
