"""Our PNG encoder, read by Pillow and by OpenCV."""

import io

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gradus.data.png import encode_png


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]), st.integers(0, 2**32 - 1))
def test_other_readers_see_the_same_pixels(width, height, channels, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    data = encode_png(pixels)
    image = Image.open(io.BytesIO(data))
    image.verify()
    assert (np.asarray(Image.open(io.BytesIO(data))).reshape(pixels.shape) == pixels).all()
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED).reshape(pixels.shape)
    assert (found[..., ::-1] == pixels).all()
