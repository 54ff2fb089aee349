"""What is refused is refused before data are loaded and before there is a folder."""

import re
from typing import Any

import pytest

from experiments import gan, gan_modes, vae
from jaxgen import data, run
from tests.experiments.test_options import SCRIPTS

BY_OPTIONS = [
    ("adagan", "--remedies nonsense", "There is no remedy 'nonsense'"),
    ("adagan", "--seconds-between-checkpoints -1", "give a number of at least 0"),
    ("beta_vae", "--kl-target 0", "--kl-target=0"),
    ("beta_vae", "--study constrained --objective geco", "--reconstruction-target"),
    ("categorical_vae", "--estimator enumeration", r"more than 4,096"),
    ("convert_weights", "a.pth b.txt", r"let it end in \.safetensors"),
    ("cs_vae", "--lambdas 1 1", "give each weight once"),
    ("cvae", "--latents 0", "--latents=0"),
    ("cyclegan", "--remedies nonsense", "There is no remedy 'nonsense'"),
    ("cyclegan", "--remedies pac2", "pac"),
    ("cyclegan", "--identity-weight -1", "--identity-weight=-1"),
    ("cut", "--nce-weight -1", "--nce-weight=-1"),
    ("cut", "--remedies nonsense", "There is no remedy 'nonsense'"),
    ("dag", "--methods", "--methods is empty"),
    ("discrete_vae_estimators", "--images 100", "give at most as many"),
    ("divergences", "--bins 1", "--bins=1"),
    ("dying_relu", "--learning-rates 0.1 0.1", "name each one once"),
    ("estimator_variance", "--steps 5 --snapshots 10", "give at most as many"),
    ("evaluate", "a b --features nonsense", "--features='nonsense' is unknown"),
    ("few_pairs", "--methods nonsense", "There is no remedy 'nonsense'"),
    ("few_pairs", "--degrade nonsense", "--degrade='nonsense'"),
    ("gan", "--remedies nonsense", "There is no remedy 'nonsense'"),
    ("gan", "--systems hinge", "--network conv alone"),
    ("gan", "--conditional projection", "--network conv"),
    ("gan", "--network conv --systems hinge --remedies unroll5", "does not go with"),
    ("gan_modes", "--remedies none nonsense", "There is no remedy 'nonsense'"),
    ("gan_vs_vae", "--remedies nonsense", "There is no remedy 'nonsense'"),
    ("iwae", "--ks 2 2", "give each number of samples once"),
    ("pix2pix", "--remedies nonsense", "There is no remedy 'nonsense'"),
    ("pix2pix", "--degrade nonsense", "--degrade='nonsense'"),
    ("pix2pix", "--best nonsense", "The metric 'nonsense'"),
    *(
        (name, "--seconds-between-checkpoints -1", "give a number of at least 0")
        for name in ("dying_relu", "gan_modes", "vae")
    ),
    ("stacked_mnist", "--remedies nonsense", "There is no remedy 'nonsense'"),
    ("stylegan", "--image-size 20", "StyleGAN takes images of 16, 32"),
    ("stylegan", "--r1-weight -1", "--r1-weight=-1"),
    ("translate", "m in out --tile 256 --overlap 256", "give less"),
    ("vae", "--warm-up 1 --free-bits 1", "give one"),
]

BY_DATA = [
    (vae, "--data digits --batch-size 5000", "5,?000"),
    (gan, "--data digits --batch-size 32 --devices 1 --remedies pac3", "rows of 3"),
    (gan_modes, "--batch-size 64 --remedies none pac3 --seeds 1", "rows of 3"),
]


def refused(script: Any, words: str, monkeypatch, capsys, tmp_path) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [script.__name__, *words.split()])
    with pytest.raises(SystemExit) as stop:
        run.command_line(script.main, script.Config, script.__doc__ or "")
    assert stop.value.code == 2
    assert not list(tmp_path.iterdir())
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "words", "said"), BY_OPTIONS, ids=lambda value: str(value)[:40]
)
def test_a_bad_option_is_refused_before_data_are_loaded(
    name, words, said, monkeypatch, capsys, tmp_path
):
    def load(*arguments: Any, **options: Any) -> None:
        raise AssertionError("data were loaded")

    for loader in ("load", "load_pairs", "stacked_digits"):
        monkeypatch.setattr(data, loader, load)
    [script] = [one for one in SCRIPTS if one.__name__ == f"experiments.{name}"]
    found = refused(script, words, monkeypatch, capsys, tmp_path)
    assert re.search(said, found), found


def test_every_script_has_a_bad_option():
    names = {f"experiments.{name}" for name, _, _ in BY_OPTIONS}
    assert names == {script.__name__ for script in SCRIPTS}


@pytest.mark.parametrize(
    ("script", "words", "said"), BY_DATA, ids=["vae", "gan", "modes"]
)
def test_what_the_data_do_not_allow_is_refused_before_a_folder(
    script, words, said, monkeypatch, capsys, tmp_path
):
    found = refused(script, words, monkeypatch, capsys, tmp_path)
    assert re.search(said, found), found
