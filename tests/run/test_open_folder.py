import json

from jaxgen import run, training


def test_a_run_of_images_in_a_folder_has_a_name_without_slashes(tmp_path):
    config = run.RunOptions(output=str(tmp_path))
    folder = run.open_folder(
        config, "test", "/data/my images-mlp", title="T", claim="It ends."
    )
    training.release_run(folder)
    assert folder.path == tmp_path / "test" / "data-my images-mlp"
    assert json.loads(folder.config.read_text())["claim"] == "It ends."


def test_the_sentence_of_a_claim_is_kept_before_it_is_checked(tmp_path):
    claim = run.Claim("All is well.", lambda _: "", lambda _: None)
    folder = run.open_folder(
        run.RunOptions(output=str(tmp_path)), "test", "a", title="T", claim=claim
    )
    training.release_run(folder)
    assert json.loads(folder.config.read_text())["claim"] == "All is well."
