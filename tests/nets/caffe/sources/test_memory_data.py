import numpy as np
import pytest

from gradus.core.errors import InputError, NetworkError

TEXT = 'type: "MemoryData" memory_data_param { batch_size: 2 channels: 3 height: 4 width: 5 }'


def test_arrays_are_read_a_batch_at_a_time_and_around(opened, rng):
    source, data = opened(TEXT), rng.normal(size=(6, 3, 4, 5)).astype(np.float32)
    assert source.shapes() == [(2, 3, 4, 5), (2,)]
    source.set_arrays(data, np.arange(6).reshape(6, 1, 1, 1))
    for start in (0, 2, 4, 0, 2):
        read, labels = source.read()
        np.testing.assert_array_equal(read.numpy(), data[start : start + 2])
        assert labels.tolist() == [start, start + 1]
    source.set_arrays(data[2:4], [7, 8])  # starts anew
    assert source.read()[1].tolist() == [7, 8]


def test_what_is_written_into_the_arrays_later_is_read(opened):
    source, data = opened(TEXT), np.zeros((2, 3, 4, 5), np.float32)
    source.set_arrays(data, np.zeros(2, np.float32))
    data[1] = 3
    assert source.read()[0][1].unique().tolist() == [3]


def test_arrays_are_not_transformed_but_pictures_are(opened, rng):
    source = opened(TEXT + "transform_param { crop_size: 0 scale: 0.5 mean_value: 3 }")
    pictures = rng.integers(0, 256, (4, 3, 4, 5), dtype=np.uint8)
    source.add(pictures, [1, 2, 3, 4])
    np.testing.assert_array_equal(source.read()[0].numpy(), (pictures[:2].astype(np.float32) - 3) / 2)
    source.set_arrays(pictures.astype(np.float32), [1, 2, 3, 4])
    np.testing.assert_array_equal(source.read()[0].numpy(), pictures[:2])


def test_without_data_the_error_says_what_to_call(opened):
    with pytest.raises(NetworkError, match=r'layer "it" .*no data yet') as caught:
        opened(TEXT).read()
    assert "set_input_arrays" in caught.value.problem.hint


@pytest.mark.parametrize(
    ("shape", "labels", "said"),
    [
        ((3, 3, 4, 5), (3,), "multiple of the batch size"),
        ((0, 3, 4, 5), (0,), "multiple of the batch size"),
        ((2, 1, 4, 5), (2,), "the layer takes 2x3x4x5"),
        ((2, 3, 4, 5), (4,), "as many labels"),
        ((2, 3, 4, 5), (1, 2), "as many labels"),
        ((2, 60), (2,), "the layer takes"),
    ],
)
def test_arrays_that_do_not_fit(opened, shape, labels, said):
    with pytest.raises(InputError, match=said):
        opened(TEXT).set_arrays(np.zeros(shape, np.float32), np.zeros(labels))


@pytest.mark.parametrize("field", ["batch_size: 2", "channels: 3", "height: 4", "width: 5"])
def test_all_sizes_are_needed(opened, field):
    with pytest.raises(NetworkError, match=field.partition(":")[0]):
        opened(TEXT.replace(field, ""))
