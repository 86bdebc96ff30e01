"""`python -m fairmot_pl.import_weights FILE`: a release of the reference becomes a checkpoint, or the other way."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from fairmot_pl.config.entry import plain_errors
from fairmot_pl.config.folders import quoted
from fairmot_pl.config.nodes import module_arguments
from fairmot_pl.config.overrides import compose_checked
from fairmot_pl.models.fairmot import FairMOT
from fairmot_pl.models.load_report import LoadReport
from fairmot_pl.models.reference_architectures import layout_of_network
from fairmot_pl.models.weights import OWN_LAYOUT, load_fairmot, to_reference_state_dict
from fairmot_pl.models.weights_file import WeightsError, check_absent, write_weights_file
from fairmot_pl.training.checkpoint import find_checkpoint, write_checkpoint
from fairmot_pl.training.module import FairMOTModule

EXAMPLE = """example:
  python -m fairmot_pl.import_weights fairmot_dla34.pth                        # writes fairmot_dla34.ckpt
  python -m fairmot_pl.track source=video.mp4 checkpoint=fairmot_dla34.ckpt
  python -m fairmot_pl.import_weights outputs/mot17/A --to-reference --output fairmot_mot17.pth"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Console entry."""
    parser = argparse.ArgumentParser(
        prog="python -m fairmot_pl.import_weights",
        description="Read a release of the reference (.pth), say what became of each of its entries, and write a "
        "checkpoint that track, evaluate and model.init_from= take; or write a checkpoint as such a release.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the release; or a checkpoint or the folder of a run")
    parser.add_argument("--output", type=Path, default=None, help="file to write; by default beside FILE")
    parser.add_argument("--to-reference", action="store_true", help="write FILE in the reference's layout instead")
    given = parser.parse_args(arguments)
    with plain_errors():
        (export_release if given.to_reference else import_release)(given.file.expanduser(), given.output)


def import_release(file: Path, output: Path | None) -> Path:
    """Write a release of the reference as a checkpoint of this package.

    Args:
        file: the release.
        output: file to write; None for the release's name with the ending .ckpt.

    Returns:
        The file written.

    Raises:
        FileExistsError: there is such a file.
        WeightsError: the release cannot be read, or is a checkpoint of this package already.
    """
    output = output or file.with_suffix(".ckpt")
    check_absent(output, but=file)
    model = load_fairmot(file)
    if _report(model).layout == OWN_LAYOUT:
        raise WeightsError(f"{file} is a checkpoint of this package already; --to-reference writes it as a release")
    print(description(model))
    write_checkpoint(as_module(model), output)
    _say_goodbye(output, f"python -m fairmot_pl.track source=VIDEO_OR_FOLDER checkpoint={quoted(output)}")
    return output


def export_release(file: Path, output: Path | None) -> Path:
    """Write a checkpoint of this package as a release of the reference.

    Args:
        file: the checkpoint, or the folder of a run.
        output: file to write; None for the checkpoint's name with the ending .pth.

    Returns:
        The file written.

    Raises:
        FileExistsError: there is such a file.
        ValueError: the reference has no such network, or the file is no checkpoint of this package.
    """
    checkpoint = find_checkpoint(file)
    output = output or checkpoint.with_suffix(".pth")
    check_absent(output, but=checkpoint)
    model = load_fairmot(checkpoint)
    if _report(model).layout != OWN_LAYOUT:
        raise WeightsError(f"{checkpoint} is in the reference's layout already")
    state = to_reference_state_dict(model)
    print(description(model))
    write_weights_file(output, {"epoch": 0, "state_dict": state})
    print(f"{len(state)} tensors under the reference's names, bit for bit")
    layout = layout_of_network(model.config)
    for group in layout.left_out if layout else ():
        if group.shapes:
            print(f"left out: {group.reason} ({', '.join(group.shapes)})")
    _say_goodbye(output, f"give {output} to the reference as --load_model, or to load_fairmot here")
    return output


def as_module(model: FairMOT) -> FairMOTModule:
    """A network as the module that a training run would save: defaults of `conf/` beside it, no identities."""
    values, _ = module_arguments(compose_checked("train", []))
    module = FairMOTModule(num_identities=0, **{**values, **model.config, "pretrained": False})
    module.model.load_state_dict(model.state_dict())
    return module


def description(model: FairMOT) -> str:
    """Architecture, sizes and the whole report of a network that was read from a file."""
    config, report = model.config, _report(model)
    rows = {
        "file": report.path,
        "layout": report.layout,
        "backbone": config["backbone"],
        "neck": f"{config['neck']}, {'deformable' if config['deformable'] else 'plain'} convolutions",
        "reid_dim": config["reid_dim"],
        "box_encoding": config["box_encoding"],
        "num_classes": config["num_classes"],
        "head_channels": config["head_channels"],
        "parameters": f"{sum(parameter.numel() for parameter in model.parameters()):,}",
    }
    return "\n".join([*(f"{key:<14} {value}" for key, value in rows.items()), report.text()])


def _report(model: FairMOT) -> LoadReport:
    report = model.load_report
    assert report is not None  # it was read from a file
    return report


def _say_goodbye(output: Path, step: str) -> None:
    print(f"next: {step}")
    print(f"results: {output.parent}", flush=True)


if __name__ == "__main__":
    main()
