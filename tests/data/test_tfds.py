import io
import json
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgen import data
from jaxgen.data.sources import without_labels
from jaxgen.errors import InputError
from jaxgen.models.conditions import one_hot_labels

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "tfds"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keeps what is decoded here out of the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "jaxgen"


def png(array):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "png")
    return stream.getvalue()


def prepare(root, images, shape, *, name="tiny", labels=None, key="image"):
    """Writes a set as TFDS prepares it, which would need TensorFlow.

    `images` are those of the split train, or lists of them by split. `labels`
    are those of every split, or by split.
    """
    splits = images if isinstance(images, dict) else {"train": images}
    labels = dict.fromkeys(splits, labels) if isinstance(labels, list) else labels
    from array_record.python.array_record_module import ArrayRecordWriter
    from tensorflow_datasets.proto import tf_example_pb2

    folder = root / name / "1.0.0"
    folder.mkdir(parents=True)
    kind = "tensorflow_datasets.core.features"
    features = {
        key: {
            "pythonClassName": f"{kind}.image_feature.Image",
            "image": {
                "dtype": "uint8",
                "shape": {"dimensions": [str(size or -1) for size in shape]},
            },
        }
    }
    if labels is not None:
        features["label"] = {
            "pythonClassName": f"{kind}.class_label_feature.ClassLabel",
            "classLabel": {"numClasses": "3"},
        }
        (folder / "label.labels.txt").write_text("ant\nbee\ncat\n")
    (folder / "features.json").write_text(
        json.dumps(
            {
                "pythonClassName": f"{kind}.features_dict.FeaturesDict",
                "featuresDict": {"features": features},
            }
        )
    )
    described = [
        {
            "name": split,
            "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
            "numBytes": "1",
            "shardLengths": [str(len(part))],
        }
        for split, part in splits.items()
    ]
    (folder / "dataset_info.json").write_text(
        json.dumps(
            {
                "name": name,
                "version": "1.0.0",
                "fileFormat": "array_record",
                "splits": described,
            }
        )
    )
    for split, part in splits.items():
        writer = ArrayRecordWriter(
            str(folder / f"{name}-{split}.array_record-00000-of-00001"), "group_size:1"
        )
        for index, image in enumerate(part):
            example = tf_example_pb2.Example()
            example.features.feature[key].bytes_list.value.append(image)
            if labels is not None:
                example.features.feature["label"].int64_list.value.append(
                    labels[split][index]
                )
            writer.write(example.SerializeToString())
        writer.close()
    return folder


def grey(*values, size=(4, 6)):
    return [png(np.full(size, value, np.uint8)) for value in values]


def test_a_prepared_set_is_read_without_tensorflow(tmp_path):
    prepare(tmp_path, grey(5, 6, 7), (4, 6, 1), labels=[2, 0, 1])
    source = data.load("tiny", data_dir=tmp_path)
    assert source.class_names == ("ant", "bee", "cat")
    assert source.image_shape == (4, 6, 1)
    examples = source.read(np.array([2, 0]))
    np.testing.assert_array_equal(examples["image"][:, 0, 0, 0], [7, 5])
    np.testing.assert_array_equal(examples["label"], [1, 2])


def test_a_label_that_is_no_class_is_refused(tmp_path):
    prepare(tmp_path, grey(5, 6), (4, 6, 1), labels=[0, 3])
    source = data.load("tiny", data_dir=tmp_path)
    with pytest.raises(InputError, match="'tiny' has the value 3, .* 3 classes"):
        source.in_memory()
    assert without_labels(source).in_memory().keys() == {"image"}


def test_a_split_of_hidden_labels_is_one_without_labels(tmp_path):
    images = {"train": grey(5, 6), "test": grey(7, 8)}
    prepare(tmp_path, images, (4, 6, 1), labels={"train": [0, 2], "test": [-1, -1]})
    test = data.load("tiny", split="test", data_dir=tmp_path)
    assert (test.class_names, test.in_memory().keys()) == (None, {"image"})
    with pytest.raises(InputError, match="conditional .* the data have no labels"):
        one_hot_labels("VAE", jax.tree.map(jnp.asarray, test.read([0])), 3)
    both = data.load("tiny", split="train+test", data_dir=tmp_path).in_memory()
    assert both.keys() == {"image"}
    np.testing.assert_array_equal(both["image"][:, 0, 0, 0], [5, 6, 7, 8])
    assert data.load("tiny", data_dir=tmp_path).class_names is not None


def test_a_named_pipe_in_place_of_a_file_is_refused(tmp_path):
    folder = prepare(tmp_path, grey(5, 6), (4, 6, 1))
    (file,) = folder.glob("*.array_record*")
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(InputError, match="named pipe.*array_record-00000"):
        data.load("tiny", data_dir=tmp_path)


def test_the_second_reading_comes_from_the_cache_unless_the_files_changed(
    tmp_path, cache
):
    folder = prepare(tmp_path, grey(5, 6), (4, 6, 1), labels=[2, 0])
    first = data.load("tiny", data_dir=tmp_path).in_memory()
    (entry,) = cache.iterdir()
    second = data.load("tiny", data_dir=tmp_path)
    np.testing.assert_equal(second.in_memory(), first)
    assert list(cache.iterdir()) == [entry]
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    prepare(tmp_path, grey(8, 9), (4, 6, 1), labels=[1, 1])
    changed = data.load("tiny", data_dir=tmp_path).in_memory()
    np.testing.assert_array_equal(changed["image"][:, 0, 0, 0], [8, 9])


def test_colour_images_of_unknown_size_and_without_labels(tmp_path):
    image = np.zeros((4, 6, 3), np.uint8)
    image[..., 1] = 9
    prepare(tmp_path, [png(image)] * 2, (None, None, 3), key="picture")
    source = data.load("tiny", data_dir=tmp_path)
    assert (source.image_shape, source.class_names) == ((4, 6, 3), None)
    np.testing.assert_array_equal(source.in_memory()["image"][1], image)


def test_images_of_several_sizes_need_an_image_size(tmp_path):
    images = grey(5, size=(4, 6)) + grey(5, size=(8, 8))
    prepare(tmp_path, images, (None, None, 1))
    with pytest.raises(InputError, match="1 of tiny.*8x8.*expected 6x4.*image_size"):
        data.load("tiny", data_dir=tmp_path).in_memory()
    resized = data.load("tiny", data_dir=tmp_path, image_size=4).in_memory()["image"]
    np.testing.assert_array_equal(resized, np.full((2, 4, 4, 1), 5))


def test_a_damaged_image_is_named(tmp_path):
    images = grey(5, 6)
    prepare(tmp_path, [images[0], images[1][:50]], (4, 6, 1))
    with pytest.raises(InputError, match=r"1 of tiny \(train\) cannot be read"):
        data.load("tiny", data_dir=tmp_path).in_memory()


def test_a_missing_split_is_named_with_those_there_are(tmp_path):
    prepare(tmp_path, grey(5), (4, 6, 1))
    with pytest.raises(InputError, match="no split 'test'.*'train'"):
        data.load("tiny", split="test", data_dir=tmp_path)


def test_missing_record_files_are_told_with_the_cure(tmp_path):
    folder = prepare(tmp_path, grey(5), (4, 6, 1))
    for path in folder.glob("*array_record*"):
        path.unlink()
    with pytest.raises(InputError, match="cannot be read.*download_and_prepare"):
        data.load("tiny", data_dir=tmp_path)


def test_an_unprepared_set_is_told_with_the_command_that_prepares_it(tmp_path, caplog):
    with pytest.raises(InputError, match="'cifar10' is not prepared") as caught:
        data.load("cifar10", data_dir=tmp_path)
    command = (
        f"tfds.builder('cifar10', data_dir={str(tmp_path)!r}, "
        "file_format='array_record').download_and_prepare()"
    )
    assert command in str(caught.value)
    assert not caplog.records


def test_a_missing_data_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="nowhere does not exist.*data_dir"):
        data.load("mnist", data_dir=tmp_path / "nowhere")


def test_a_set_without_images_is_refused(tmp_path):
    with pytest.raises(InputError, match="'imdb_reviews' has the features.*text"):
        data.load("imdb_reviews", data_dir=tmp_path)


def test_an_unknown_version_is_refused(tmp_path):
    with pytest.raises(InputError, match="'mnist:9.9.9' cannot be opened"):
        data.load("mnist:9.9.9", data_dir=tmp_path)


def test_an_unknown_name_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(InputError, match="'fashion_mnst'.*mean 'fashion_mnist'"):
        data.load("fashion_mnst", data_dir=tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason="the prepared real sets are not here")
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_real_sets_are_read(name):
    train = data.load(name, data_dir=REAL)
    test = data.load(name, split="test", data_dir=REAL)
    assert (len(train), len(test), train.image_shape) == (60_000, 10_000, (28, 28, 1))
    examples = test.read(np.arange(300))
    assert set(examples["label"].tolist()) == set(range(10))
    assert examples["image"].max() == 255
