import sys

import cv2
import numpy as np
import pytest

from gradus.core.errors import NetworkError


def data(batch=3, more="", transform="", source="db"):
    return (
        f'type: "Data" transform_param {{ {transform} }} data_param {{ source: "{source}" batch_size: {batch} {more} }}'
    )


def test_records_come_in_the_order_of_their_keys_and_around_again(opened, database, pictures):
    source = opened(data())
    assert source.shapes() == [(3, 3, 6, 5), (3,)]
    for start in (0, 3, 6, 9):
        read, labels = source.read()
        order = np.arange(start, start + 3) % 7
        assert read.dtype == labels.dtype and str(read.dtype) == "torch.float32"
        np.testing.assert_array_equal(read.numpy(), pictures[order].astype(np.float32))
        np.testing.assert_array_equal(labels.numpy(), 10.0 * order)


@pytest.mark.parametrize("ahead", [0, 1, 4])
def test_batches_made_ahead_are_the_same(opened, database, ahead):
    text = data(2, f"prefetch: {ahead}", "mirror: true crop_size: 3")
    source, other = (
        opened(text, training=True),
        opened(data(2, "prefetch: 2", "mirror: true crop_size: 3"), training=True),
    )
    for _ in range(6):
        assert source.shapes() == [(2, 3, 3, 3), (2,)]
        for a, b in zip(source.read(), other.read(), strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_another_seed_draws_otherwise(opened, database):
    text = data(7, "", "mirror: true crop_size: 2")
    a, b = (opened(text, training=True, seed=seed).read()[0].numpy() for seed in (1, 2))
    assert not np.array_equal(a, b)


def test_a_leveldb_reads_the_same(opened, database, tmp_path, pictures, datums):
    plyvel = pytest.importorskip("plyvel")
    with plyvel.DB(str(tmp_path / "level"), create_if_missing=True) as level:
        for i in (3, 1, 6, 0, 5, 2, 4):
            level.put(b"%08d" % i, datums.datum(pictures[i], 10 * i))
    source, other = opened(data(3, source="level")), opened(data(3, "backend: LMDB"))
    twin = opened(data(3, source="level"))  # train and test phases may read the same
    for _ in range(4):
        a, b, c = source.read(), other.read(), twin.read()
        for top in range(2):
            np.testing.assert_array_equal(a[top].numpy(), b[top].numpy())
            np.testing.assert_array_equal(a[top].numpy(), c[top].numpy())


def test_without_plyvel_the_error_says_what_to_do(opened, tmp_path, monkeypatch):
    (tmp_path / "level").mkdir()
    (tmp_path / "level" / "CURRENT").write_text("MANIFEST-000001\n")
    monkeypatch.setitem(sys.modules, "plyvel", None)
    with pytest.raises(NetworkError, match=r'layer "it" \(Data\).*plyvel') as caught:
        opened(data(source="level"))
    assert "LMDB" in caught.value.problem.hint


def test_a_damaged_leveldb(opened, tmp_path):
    pytest.importorskip("plyvel")
    (tmp_path / "level").mkdir()
    (tmp_path / "level" / "CURRENT").write_text("MANIFEST-000001\n")
    with pytest.raises(NetworkError, match="level"):
        opened(data(source="level"))


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_the_records_in_training_and_all_read_all_in_test(opened, database, world):
    seen = [opened(data(2), training=True, rank=rank, world=world) for rank in range(world)]
    for turn in range(5):
        for rank, source in enumerate(seen):
            offsets = (2 * turn + np.arange(2)) * world + rank  # Caffe: offset % world == rank, on over the end
            np.testing.assert_array_equal(source.read()[1].numpy(), 10.0 * (offsets % 7))
    np.testing.assert_array_equal(opened(data(3), rank=1, world=2).read()[1].numpy(), [0, 10, 20])


def test_random_skip_leaves_out_fewer_records_than_it_says(opened, database):
    firsts = {int(opened(data(1, "rand_skip: 4"), seed=seed).read()[1][0]) for seed in range(40)}
    assert firsts == {0, 10, 20, 30}


def test_nvidias_shuffle_gives_every_record_once_in_each_pass(opened, database):
    text = data(7, "shuffle: true cache: true threads: 2 parser_threads: 1")
    source = opened(text, training=True)
    passes = [source.read()[1].numpy() for _ in range(3)]
    for labels in passes:
        np.testing.assert_array_equal(np.sort(labels), 10.0 * np.arange(7))
    assert not np.array_equal(passes[0], passes[1])
    np.testing.assert_array_equal(opened(text, training=True).read()[1].numpy(), passes[0])
    shares = [opened(data(7, "shuffle: true"), training=True, rank=r, world=2) for r in range(2)]
    both = np.concatenate([share.read()[1].numpy() for share in shares])  # two passes, dealt out in turn
    np.testing.assert_array_equal(np.sort(both), np.sort(np.tile(10.0 * np.arange(7), 2)))


def test_one_top_is_pictures_without_labels(opened, database):
    source = opened('top: "data" ' + data(2))
    assert source.shapes() == [(2, 3, 6, 5)]
    assert len(source.read()) == 1


def test_float_data_is_read_as_it_is(opened, tmp_path, datums, rng):
    values = rng.normal(size=(2, 2, 4, 3)).astype(np.float32)
    datums.write_lmdb(tmp_path / "db", {b"%d" % i: datums.datum(values[i], i) for i in range(2)})
    source = opened(data(2, transform="scale: 2"))
    np.testing.assert_array_equal(source.read()[0].numpy(), values * np.float32(2))


def test_labels_of_any_size(opened, tmp_path, datums, pictures):
    labels = [0, 127, 128, 70000, -5, 2**31 - 1, 3]
    records = {b"%d" % i: datums.datum(pictures[i], label) for i, label in enumerate(labels)}
    datums.write_lmdb(tmp_path / "db", records)
    np.testing.assert_array_equal(opened(data(7)).read()[1].numpy(), np.float32(labels))


@pytest.mark.parametrize("kind", [".png", ".jpg"])
@pytest.mark.parametrize(
    ("force", "flag"), [("", cv2.IMREAD_UNCHANGED), ("force_color: true", 1), ("force_gray: true", 0)]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_encoded_records_are_decoded_as_opencv_does(opened, tmp_path, datums, rng, kind, force, flag, channels):
    files = []
    for _ in range(3):
        small = rng.integers(0, 256, (4, 5, channels), dtype=np.uint8)
        pixels = cv2.resize(small, (20, 16), interpolation=cv2.INTER_CUBIC)
        files.append(cv2.imencode(kind, pixels)[1])
    empty = np.zeros((channels, 16, 20), np.uint8)
    records = {b"%d" % i: datums.datum(empty, i, file=file.tobytes()) for i, file in enumerate(files)}
    datums.write_lmdb(tmp_path / "db", records)
    expected = np.stack([cv2.imdecode(file, flag).reshape(16, 20, -1).transpose(2, 0, 1) for file in files])
    source = opened(data(3, transform=force))
    assert source.shapes()[0] == expected.shape
    np.testing.assert_array_equal(source.read()[0].numpy(), expected.astype(np.float32))


def test_the_older_way_to_force_colour(opened, tmp_path, datums):
    file = cv2.imencode(".png", np.arange(12, dtype=np.uint8).reshape(3, 4))[1].tobytes()
    datums.write_lmdb(tmp_path / "db", {b"0": datums.datum(np.zeros((1, 3, 4), np.uint8), file=file)})
    source = opened(data(1, "force_encoded_color: true"))
    assert source.shapes()[0] == (1, 3, 3, 4)
    np.testing.assert_array_equal(source.read()[0][0].numpy(), np.tile(np.arange(12).reshape(1, 3, 4), (3, 1, 1)))


def test_pictures_of_many_sizes_with_a_crop(opened, tmp_path, datums, rng):
    sizes = [(6, 5), (4, 9), (7, 4)]
    made = [rng.integers(0, 256, (3, *size), dtype=np.uint8) for size in sizes]
    datums.write_lmdb(tmp_path / "db", {b"%d" % i: datums.datum(p, i) for i, p in enumerate(made)})
    expected = [p[:, (h - 3) // 2 :, (w - 3) // 2 :][:, :3, :3] for p, (h, w) in zip(made, sizes, strict=True)]
    np.testing.assert_array_equal(opened(data(3, transform="crop_size: 3")).read()[0].numpy(), expected)
    with pytest.raises(NetworkError, match=r"record 1 comes out as 9 x 4 .* 5 x 6") as caught:
        opened(data(3)).read()
    assert "crop_size" in caught.value.problem.hint
    one = opened(data(1))  # each batch has the size of its own first picture
    for size in sizes:
        assert one.shapes()[0] == (1, 3, *size)
        assert tuple(one.read()[0].shape) == (1, 3, *size)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"\x08\x03\x10", "record b cannot be used"),
        (b"\x08\x03\x10\x06\x18\x05\x22\x02ab\x28\x01", "record b has 2 values for 3x6x5"),
        (b"\x08\x03\x10\x06\x18\x05\x28\x01", "record b holds no data"),
        (b"\x22\x03abc\x38\x01", "record b cannot be used"),
        (b"\x22\x03\xff\xd8c\x38\x01", "record b cannot be used"),
        (b"", "record b holds no data"),
    ],
)
def test_a_damaged_record_is_named(opened, tmp_path, datums, pictures, value, said):
    datums.write_lmdb(tmp_path / "db", {b"a": datums.datum(pictures[0]), b"b": value})
    for _ in range(2):  # it stays an error
        with pytest.raises(NetworkError, match=f'layer "it" \\(Data\\) cannot read its data: {said}') as caught:
            opened(data(2)).read()
        assert caught.value.problem.line == 3
        assert caught.value.problem.field == "data_param.source"
    source = opened(data(1, "prefetch: 3"))
    source.read()
    for _ in range(3):
        with pytest.raises(NetworkError, match="record b"):
            source.read()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (data(source="nowhere"), "does not exist"),
        (data(source="."), "no database"),
        (data(source=""), "names no source"),
        (data(batch=0), "batch_size"),
        (data(source="empty"), "empty database"),
        (data(source="broken"), "broken"),
        (data(transform="crop_size: 9"), "cannot cut 9 x 9 from a picture of 5 x 6"),
    ],
)
def test_what_cannot_be_read_names_the_layer(opened, database, tmp_path, datums, text, said):
    datums.write_lmdb(tmp_path / "empty", {})
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "data.mdb").write_bytes(b"no database" * 1000)
    with pytest.raises(NetworkError, match=f'layer "it" .*{said}') as caught:
        opened(text).shapes()
    assert caught.value.problem.hint or "batch_size" in said


def test_absolute_paths_stay(opened, database):
    assert opened(data(source=str(database.resolve()))).shapes()[0] == (3, 3, 6, 5)


def test_bytes_changed_at_random_are_read_or_refused(opened, tmp_path, datums, rng):
    small = cv2.resize(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8), (16, 16))
    files = [cv2.imencode(kind, small)[1].tobytes() for kind in (".png", ".jpg")]
    pixels = rng.integers(0, 256, (3, 4, 4), dtype=np.uint8)
    good = [datums.datum(pixels, 5), datums.datum(pixels.astype(np.float32), 5)]
    good += [datums.datum(pixels, 5, file=file) for file in files]
    records = {}
    for i in range(400):
        record = bytearray(good[i % 4])
        for _ in range(rng.integers(1, 4)):
            record[rng.integers(min(len(record), 40) if i % 8 < 4 else len(record))] = rng.integers(256)
        records[b"%04d" % i] = bytes(record[: rng.integers(1, len(record))] if i % 5 == 0 else record)
    datums.write_lmdb(tmp_path / "db", records)
    source, outcomes = opened(data(1, "prefetch: 0")), []
    for i in range(400):
        try:
            outcomes.append(tuple(source.read()[0].shape[:1]))
        except NetworkError as problem:
            assert f"record {i:04d}" in str(problem)
            outcomes.append(None)
    assert 50 < outcomes.count(None) < 390
    assert outcomes.count((1,)) > 10
