"""Track the validation sequences with a checkpoint, score, report."""

from __future__ import annotations

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf

from fairmot_pl.config.build import (
    as_trained,
    build_output_cache,
    build_trainer,
    check_devices,
    open_loggers,
    read_validation,
)
from fairmot_pl.config.entry import Outcome, command, is_main_process, output_folder, plain
from fairmot_pl.config.jobs import OBJECTIVE
from fairmot_pl.data.file_record import fingerprint, record_files
from fairmot_pl.files import write_text
from fairmot_pl.tracking.refine import Refinement
from fairmot_pl.training.callbacks.broken_images import CountBrokenImages
from fairmot_pl.training.callbacks.recording import RecordOutputs
from fairmot_pl.training.checkpoint import find_checkpoint, load_module
from fairmot_pl.training.explaining import explain_validation
from fairmot_pl.training.finish import write_outcome
from fairmot_pl.training.loggers import closed_loggers
from fairmot_pl.training.provenance import environment, model_facts, write_provenance


def run_evaluation(config: DictConfig) -> Outcome:
    """Score a checkpoint on the validation sequences of the data node."""
    folder = output_folder()
    pl.seed_everything(config.seed, workers=True, verbose=False)
    check_devices(config)
    checkpoint = find_checkpoint(config.checkpoint)
    module = load_module(checkpoint)
    config = as_trained(config, checkpoint)
    datamodule = read_validation(config, "evaluate")
    record = {
        "config": plain(config),
        "command": command(),
        "environment": environment(),
        "data": {
            "checkpoint": str(checkpoint),
            "fingerprint": fingerprint(record_files({"val": datamodule.val_sets}, datamodule.root)),
            "validation frames": sum(map(len, datamodule.val_sequences)),
        },
        "model": model_facts(module.model),
    }
    if is_main_process():
        write_text(folder / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
        write_provenance(folder, record)
    recorder = RecordOutputs()
    with closed_loggers(open_loggers(config, folder, record, job_type="evaluate", tags=[])) as loggers:
        trainer = build_trainer(config, folder, loggers=loggers, callbacks=[CountBrokenImages(), recorder])
        datamodule.outputs = build_output_cache(config, module, trainer, datamodule)
        trainer.validate(module, datamodule, verbose=False)
        record["data"]["network outputs"] = recorder.use or "not kept"
        figures = write_outcome(
            *(trainer, folder, record),
            more={},
            tracks_folder=folder,
            refinement=Refinement(**plain(config.refine)),
        )
        pages = [folder / "report.html"]
        if config.explain and is_main_process():
            pages.append(explain_validation(trainer, folder, title=config.name, most_cards=config.explain_cards))
    steps = [f"open {page} in a browser" for page in pages]
    return Outcome(folder, next_steps=steps, objective=figures.get(OBJECTIVE["evaluate"]))
