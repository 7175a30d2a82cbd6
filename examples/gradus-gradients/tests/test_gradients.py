"""What a plugin should test: that it is sound, and that its samples are right."""

import numpy as np
from gradus_gradients import GradientInput, GradientOptions, Gradients

from gradus.core.dataset import Split
from gradus.plugins.check import assert_sound

KIND = Gradients()


def test_the_kind_is_sound():
    assert_sound(KIND)
    assert_sound(KIND, given=GradientInput(test_image_count=3))


def test_pictures_grow_brighter_in_the_direction_of_their_label():
    options = GradientOptions(name="t", train_image_count=5, image_width=20, image_height=10)
    scan = KIND.scan(options, lambda _found: None)
    decode = KIND.prepare(options, scan)
    for entry in scan.entries[Split.TRAIN]:
        sample = decode(entry)
        assert sample.feature.shape == (10, 20)
        rows, columns = np.gradient(sample.feature.astype(float))
        assert np.allclose([columns.mean() * 20 / 255, rows.mean() * 10 / 255], sample.label, atol=0.02)
