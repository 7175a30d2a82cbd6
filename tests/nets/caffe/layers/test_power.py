import math

import numpy as np
import pytest

from gradus.core.errors import NetworkError

# The settings, the function and its derivative (catalogue 1.5); all for x above 0.
POWERS = {
    "": (lambda x: x, np.ones_like),
    "scale: 0.5 shift: 2": (lambda x: 2 + 0.5 * x, lambda x: np.full_like(x, 0.5)),
    "power: 2 scale: 3 shift: 1": (lambda x: (1 + 3 * x) ** 2, lambda x: 6 * (1 + 3 * x)),
    "power: 3": (lambda x: x**3, lambda x: 3 * x**2),
    "power: -1 scale: 2 shift: 1": (lambda x: 1 / (1 + 2 * x), lambda x: -2 / (1 + 2 * x) ** 2),
    "power: 0.5 scale: 4": (lambda x: 2 * np.sqrt(x), lambda x: 1 / np.sqrt(x)),
    "power: 1.5 shift: 1": (lambda x: (1 + x) ** 1.5, lambda x: 1.5 * np.sqrt(1 + x)),
}
EXPONENTIALS = {
    "": (np.exp, np.exp),
    "base: 2": (lambda x: 2**x, lambda x: math.log(2) * 2**x),
    "base: 2 scale: 3 shift: -1": (lambda x: 2 ** (3 * x - 1), lambda x: 3 * math.log(2) * 2 ** (3 * x - 1)),
    "scale: -2 shift: 1": (lambda x: np.exp(1 - 2 * x), lambda x: -2 * np.exp(1 - 2 * x)),
}
LOGARITHMS = {
    "": (np.log, lambda x: 1 / x),
    "base: 10": (np.log10, lambda x: 1 / (x * math.log(10))),
    "base: 2 scale: 3 shift: 1": (lambda x: np.log2(3 * x + 1), lambda x: 3 / ((3 * x + 1) * math.log(2))),
    "base: 0.5": (lambda x: -np.log2(x), lambda x: -1 / (x * math.log(2))),
}
ALL = [
    (f'type: "{kind}" {kind.lower()}_param {{ {settings} }}', *functions)
    for kind, table in (("Power", POWERS), ("Exp", EXPONENTIALS), ("Log", LOGARITHMS))
    for settings, functions in table.items()
]


@pytest.mark.parametrize(("text", "function", "slope"), ALL)
def test_values_and_gradients(alone, rng, text, function, slope):
    x, of = rng.uniform(0.1, 3, size=(2, 3, 4)), rng.normal(size=(2, 3, 4))
    layer = alone(text, x.shape)
    np.testing.assert_allclose(layer(x), function(x), rtol=1e-9)
    np.testing.assert_allclose(layer.gradients(x, of=of)[0], of * slope(x), rtol=1e-9)


@pytest.mark.parametrize("text", [text for text, *_ in ALL if not ("Log" in text and "base" in text)])
def test_opencv_agrees(alone, opencv, rng, text):
    x = rng.uniform(0.1, 3, size=(2, 3, 2, 2))
    np.testing.assert_allclose(alone(text, x.shape)(x), opencv(text, x), rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "value"),
    [
        ("power: 0 scale: 3", 1.0),
        ("power: 0 scale: 0 shift: 7", 1.0),
        ("power: 2 scale: 0 shift: 3", 9.0),
        ("power: -1 scale: 0", math.inf),
        ("power: 0.5 scale: 0 shift: -1", math.nan),
    ],
)
def test_a_power_that_does_not_look_at_its_input(alone, settings, value):
    x = np.array([[1.0, -2.0, math.nan]])
    np.testing.assert_array_equal(
        alone(f'type: "Power" power_param {{ {settings} }}', x.shape)(x), np.full((1, 3), value)
    )


def test_whole_powers_take_negative_numbers_and_others_do_not(alone):
    x = np.array([-2.0, 0.0])
    np.testing.assert_array_equal(alone('type: "Power" power_param { power: 3 }', (2,))(x), [-8, 0])
    np.testing.assert_array_equal(alone('type: "Power" power_param { power: 0.5 }', (2,))(x), [math.nan, 0])


@pytest.mark.parametrize(
    ("kind", "base", "said"),
    [
        ("Exp", "0", "base 0"), ("Exp", "-2", "base -2"), ("Exp", "inf", "base inf"), ("Exp", "nan", "base nan"),
        ("Log", "0", "base 0"), ("Log", "-3", "base -3"), ("Log", "1", "base 1"),
    ],
)  # fmt: skip
def test_bases_that_there_are_none_of(alone, kind, base, said):
    with pytest.raises(NetworkError, match=said):
        alone(f'type: "{kind}" {kind.lower()}_param {{ base: {base} }}', (2, 3))


def test_a_factor_too_large_for_a_number(alone):
    with pytest.raises(NetworkError, match="too large"):
        alone('type: "Exp" exp_param { base: 10 shift: 1000 }', (2, 3))
