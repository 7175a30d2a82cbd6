"""The mean against numpy and Google's protobuf runtime."""

import cv2
import numpy as np
import pytest

from gradus.core.errors import InputError
from gradus.data.mean import Sum, read_mean, write_mean, write_picture


def test_the_sum_is_exact_beyond_sixteen_bits():
    pictures = np.random.default_rng(0).integers(200, 256, (700, 5, 4, 3), dtype=np.uint8)
    first, second = Sum((5, 4, 3)), Sum((5, 4, 3))
    for picture in pictures[:600]:
        first.add(picture)
    for picture in pictures[600:]:
        second.add(picture)
    first.merge(second)
    assert first.count == 700
    assert (first.mean() == pictures.astype(np.int64).sum(axis=0) / 700).all()


def test_the_sum_is_exact_beyond_what_a_float32_counts():
    picture = np.full((1, 2, 1), 255, np.uint8)
    total, odd = Sum((1, 2, 1)), Sum((1, 2, 1))
    for _ in range(66_000):
        total.add(picture)
    odd.add(picture - 1)
    total.merge(odd)
    assert (total.mean() * 66_001 == 66_000 * 255 + 254).all()


@pytest.mark.parametrize(
    "turn", [lambda p: p.transpose(2, 1, 0), lambda p: p[::-1], lambda p: p[..., ::-1], lambda p: p[:, 1::2]]
)
def test_pictures_may_lie_in_memory_as_they_like(turn):
    first, second = (turn(each) for each in np.random.default_rng(2).integers(0, 256, (2, 3, 6, 3), dtype=np.uint8))
    total = Sum(first.shape)
    total.add(first)
    total.add(second)
    assert (total.mean() == (first.astype(float) + second) / 2).all()


def test_protobuf_reads_what_we_write_and_the_other_way_round(caffe, tmp_path):
    mean = np.random.default_rng(1).random((3, 4, 5)).astype(np.float32) * 255
    path = tmp_path / "mean.binaryproto"
    write_mean(path, mean)
    blob = caffe.BlobProto.FromString(path.read_bytes())
    assert (blob.num, blob.channels, blob.height, blob.width) == (1, 3, 4, 5)
    assert (np.array(blob.data, np.float32).reshape(3, 4, 5) == mean).all()
    assert (read_mean(path) == mean).all()
    path.write_bytes(caffe.BlobProto(data=mean.ravel(), shape={"dim": [1, 3, 4, 5]}).SerializeToString())
    assert (read_mean(path) == mean).all()


def test_a_mean_of_another_size_is_refused(caffe, tmp_path):
    path = tmp_path / "mean.binaryproto"
    path.write_bytes(caffe.BlobProto(num=1, channels=3, height=9, width=9, data=[1, 2]).SerializeToString())
    with pytest.raises(InputError, match="2 values"):
        read_mean(path)


def test_the_picture_shows_the_mean(tmp_path):
    write_picture(tmp_path / "mean.jpg", np.full((8, 8, 3), (250.4, 10, 128), np.float64))
    found = cv2.imread(str(tmp_path / "mean.jpg"))[..., ::-1].reshape(-1, 3).mean(axis=0)
    assert np.abs(found - (250, 10, 128)).max() < 3
