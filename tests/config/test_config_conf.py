"""Every shipped configuration composes, fits the code, and is reached from somewhere."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from fairmot_pl import benchmark, evaluate, prepare_data, track, train
from fairmot_pl.config.check import ConfigError
from fairmot_pl.config.folders import conf_dir, job_folder
from fairmot_pl.config.overrides import check_command_line, compose_checked

CONF = conf_dir()
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
ABLATIONS = sorted(path.stem for path in (CONF / "ablation").glob("*.yaml"))
SWITCHES = "tracker/without"
GROUPS = {
    path.relative_to(CONF).with_suffix("").as_posix()
    for path in CONF.rglob("*.yaml")
    if path.parent not in (CONF, CONF / "experiment", CONF / "ablation")
}
ROOT = "data.root=/data"


@pytest.mark.parametrize("ablation", ABLATIONS)
@pytest.mark.parametrize("experiment", ["synthetic", "mot17_half", "mix_half"])
def test_every_ablation_with_every_kind_of_experiment(experiment, ablation):
    train.check(compose_checked("train", [f"+experiment={experiment}", ROOT, f"+ablation={ablation}"]))


def choices_of(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


AXES = ("loss/weighting", "loss/identity", "model/reid_sampling")


@pytest.mark.parametrize("turn", range(max(len(choices_of(axis)) for axis in AXES)))
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_with_every_choice_of_the_paper(experiment, turn):
    picked = [f"{axis}={choices_of(axis)[turn % len(choices_of(axis))]}" for axis in AXES]
    config = compose_checked("train", [f"+experiment={experiment}", ROOT, *picked])
    train.check(config)
    assert [config.loss.weighting.name, config.loss.identity.name, config.model.reid_sampling] == [
        choice.partition("=")[2] for choice in picked
    ]


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_every_value_of_an_ablation_composes(ablation):
    swept = OmegaConf.load(CONF / "ablation" / f"{ablation}.yaml").hydra.sweeper.params
    overrides = [f"{key}={values}" for key, values in swept.items()]
    check_command_line("train", ["+experiment=mot17_half", ROOT, f"+ablation={ablation}", *overrides], train.check)


@pytest.mark.parametrize("choice", sorted(GROUPS))
def test_every_choice_of_every_group(choice):
    group, _, name = choice.rpartition("/")
    overrides = [f"{'+' * (group == SWITCHES)}{group}={name}", ROOT]
    if group == "callbacks" and name == "train":
        return train.check(compose_checked("train", overrides))
    if group.split("/")[0] in ("model", "loss", "optimizer"):
        return train.check(compose_checked("train", overrides))
    return evaluate.check(compose_checked("evaluate", [*overrides, "checkpoint=x"]))


@pytest.mark.parametrize("choice", sorted(path.stem for path in (CONF / "data").glob("*.yaml")))
def test_every_data_set_can_be_prepared(choice):
    config = compose_checked("prepare_data", [f"data={choice}", ROOT])
    prepare_data.check(config)
    assert config.data.cache == "auto"


def test_track_composes():
    track.check(compose_checked("track", ["source=a", "checkpoint=b", "tracker=byte_reid"]))


def test_benchmark_composes():
    benchmark.check(compose_checked("benchmark", ["parts=[network]", "quick=true"]))


def test_the_conf_folder_stays_small():
    assert len(list(CONF.rglob("*.yaml"))) <= 110


def test_experiments_say_how_to_run_them():
    for name in EXPERIMENTS:
        text = (CONF / "experiment" / f"{name}.yaml").read_text()
        assert re.search(rf"python -m fairmot_pl\.train \+experiment={name}( |$)", text, re.MULTILINE)


def test_interpolations_stay_few():
    texts = [path.read_text() for path in CONF.rglob("*.yaml")]
    assert sum(len(re.findall(r"\$\{(?!now|job_folder|hydra)", text)) for text in texts) <= 24


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["+experiment=mot71"], r"experiment=mot71: no such choice. Did you mean 'mot17'\? Allowed: all_yolov5s"),
        (["data=mot18", ROOT], r"data=mot18: no such choice. Did you mean 'mot17'\?"),
        (["model.reid_dimm=3"], r"unknown key 'model.reid_dimm'. Did you mean 'model.reid_dim'\?"),
        (["trainer.max_epoch=3"], r"unknown key 'trainer.max_epoch'. Did you mean 'trainer.max_epochs'\?"),
        (["+trainer.max_epoch=3"], r"unknown key 'trainer.max_epoch'. Did you mean 'max_epochs'\?"),
        (["+model.reid_dimm=3"], r"unknown key 'model.reid_dimm'. Did you mean 'reid_dim'\?"),
        (["+data.synthetic.poeple=3"], r"unknown key 'data.synthetic.poeple'. Did you mean 'people'\?"),
        (["+data.augmentation.rotatoin=3"], r"unknown key 'data.augmentation.rotatoin'. Did you mean 'rotation'\?"),
        (["sede=3"], r"unknown key 'sede'. Did you mean 'seed'\?"),
        (["+sede=3"], r"unknown key 'sede'. Did you mean 'seed'\?"),
        (["model.reid_dim=abc"], r"model.reid_dim is 'abc'; expected a whole number"),
        (["seed=abc"], r"seed is 'abc'; expected a whole number"),
        (["optimizer.learning_rate=fast"], r"optimizer.learning_rate is 'fast'; expected a number"),
        (["optimizer.ema_decay=2"], r"optimizer.ema_decay is 2; expected a number between 0 and 1"),
        (["tracker.association=bite"], r"unknown association 'bite'.*nearest: 'byte'"),
        (["tracker.score_threshold=high"], r"score_threshold is 'high'"),
        (["loss/weighting=unsure"], r"loss/weighting=unsure: no such choice. .*Allowed: dwa, fixed, gradnorm"),
        (["loss.weighting.name=unsure"], r"weighting is 'unsure'; allowed: uncertainty, fixed"),
        (["trainer.devices=[a]"], r"trainer.devices is \['a'\]; expected"),
        (["+loss.learning_rate=1"], r"unknown key 'loss.learning_rate'"),
        (["+logger.projct=x"], r"unknown key 'logger.projct'. Did you mean 'project'\?"),
        (["logger.mode=on"], r"logger.mode is 'on'; expected one of 'auto'"),
        (["+trainer.logger=false"], r"trainer.logger is set by this package"),
        (["+tracker.frame_rate=3"], r"tracker.frame_rate comes from each sequence"),
        (["+callbacks.mine.frames=3"], r"callbacks.mine needs _target_"),
        (["data=mot_folder"], r"data.root is missing"),
        (["+data.train.synthetic.splitt=full"], r"unknown key 'data.train.synthetic.splitt'. Did you mean 'split'\?"),
        (["data=mot17", ROOT, "data.val.mot17.sequences=3"], r"data.val.mot17.sequences is 3; expected a list of text"),
        (["data=mot17", ROOT, "data.val.mot17.format=mot7"], r"data.val.mot17: format is 'mot7'; .*did you mean 'mot'"),
        (["data=mot17", ROOT, "data.val.mot17.split=third"], r"data\.val\.mot17\.split is 'third'; allowed: 'full'"),
        (["callbacks.media.frames=many"], r"callbacks.media.frames is 'many'; expected a whole number"),
        (["model.reid_dim=16,x"], r"model.reid_dim is 'x'; expected a whole number"),
        (["reid_dim:3"], r"'reid_dim:3' is no override"),
        (["data.root=/x (copy)"], r"quote it twice, once for the shell: 'data.root=\"/x \(copy\)\"'"),
    ],
)
def test_a_wrong_override_fails_at_once_with_the_nearest_name(arguments, message):
    with pytest.raises((ConfigError, ValueError), match=message):
        check_command_line("train", arguments, train.check)


@pytest.mark.parametrize(
    "value", ["/x (copy)", "a{b", "d[1", "it's (mine)", 'say "x" (y)', "C:\\data (2)", "(a)\\", '\\"(', "a)"]
)
def test_the_quoting_that_is_proposed_is_taken_letter_by_letter(value):
    with pytest.raises(ConfigError) as refused:
        check_command_line("train", [f"data.root={value}"], train.check)
    (typed,) = shlex.split(str(refused.value).rpartition("shell: ")[2])
    assert compose_checked("train", [typed]).data.root == value


def test_an_ablation_of_another_command_is_said_to_be_one():
    with pytest.raises(ConfigError, match=r"^\+ablation=weighting varies loss/weighting, which evaluate does not have"):
        check_command_line("evaluate", ["checkpoint=x", "data=synthetic", "+ablation=weighting"], lambda config: None)


@pytest.mark.parametrize(
    ("command", "override", "message"),
    [
        ("check_data", "model=light", r"^unknown key 'model'\. \(python"),
        ("check_data", "trainer.accelerator=cpu", r"^unknown key 'trainer\.accelerator'\. \(python"),
        ("check_data", "+experiment=mot17", "^experiment/mot17 sets model, which check_data does not have: it is for"),
        ("train", "hydra/launcer=slurm", r"^unknown key 'hydra/launcer'\. Did you mean 'hydra/launcher'\?"),
        ("train", "experiment=mot17", r"^unknown key 'experiment'\. Did you mean '\+experiment'\?"),
    ],
)
def test_what_another_command_has_is_not_proposed(command, override, message):
    with pytest.raises(ConfigError, match=message):
        compose_checked(command, [override])


MISSPELT = """
import sys
from importlib import import_module
for entry in ("train", "evaluate", "tune", "check_data"):
    for word in ("sede=3", "+sede=3", "--halp"):
        sys.argv[1:] = [word, *(["checkpoint=x"] if entry in ("evaluate", "tune") else [])]
        try:
            import_module("fairmot_pl." + entry).main()
        except SystemExit as refused:
            print(refused.code, "torch" in sys.modules)
"""


def test_a_misspelt_word_is_refused_before_torch_is_loaded():
    done = subprocess.run([sys.executable, "-c", MISSPELT], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["1 False"] * 12
    said = [line.partition("?")[0] for line in done.stderr.splitlines()]
    key, switch = (
        "error: unknown key 'sede'. Did you mean 'seed'",
        "error: unknown switch '--halp'. Did you mean '--help'",
    )
    assert said == [key, key, switch] * 4


def test_a_sound_sweep_passes():
    check_command_line("train", ["model.reid_dim=16,64", "loss/weighting=uncertainty,fixed"], train.check)


@pytest.mark.parametrize(
    ("overrides", "folder"),
    [
        ("model.reid_dim=16|loss/weighting=fixed", "reid_dim-16_weighting-fixed"),
        ("", "default"),
        ("data.val.mot17.sequences=[a/b,c]", "sequences-a-b-c"),
    ],
)
def test_folders_of_jobs_are_readable(overrides, folder):
    assert job_folder(overrides) == folder
