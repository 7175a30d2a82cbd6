"""Text as numbers of its characters, as in "Character-level Convolutional Networks for Text Classification".

The characters of an alphabet are numbered from 1 in its order, and one that it does not have gets the next number.
That number also fills what is shorter than all are to be. Numbers are bytes, so an alphabet has at most 254.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST_ALPHABET = 254
UNKNOWN = "�"  # what stands for a character that was not in the alphabet when text is shown again


class _Numbers(dict[int, str]):
    """For `str.translate`: the character whose code is the number of each in the alphabet."""

    def __init__(self, alphabet: str) -> None:
        super().__init__((ord(character), chr(at)) for at, character in enumerate(alphabet, 1))
        self._unknown = chr(len(alphabet) + 1)

    def __missing__(self, _character: int) -> str:
        return self._unknown


class Alphabet:
    """An alphabet of at most 254 characters. One that it has twice gets the later number, as in DIGITS."""

    def __init__(self, characters: str) -> None:
        if not 0 < len(characters) <= LONGEST_ALPHABET:
            raise ValueError(f"an alphabet has 1 to {LONGEST_ALPHABET} characters, not {len(characters)}")
        self.characters = characters
        self.unknown = len(characters) + 1
        self._numbers = _Numbers(characters)

    def encode(self, text: str, length: int | None) -> NDArray[np.uint8]:
        """The numbers of the text in lower case, cut at and filled up to `length`; of shape (1, 1, length)."""
        import numpy as np  # not when the server starts: forms need only how long an alphabet may be

        lowered = text.lower()[:length]
        numbers = lowered.translate(self._numbers).encode("latin-1")
        filled = numbers if length is None else numbers.ljust(length, bytes((self.unknown,)))
        return np.frombuffer(filled, np.uint8).reshape(1, 1, -1)

    def decode(self, numbers: NDArray[np.integer]) -> str:
        """The text again, without what fills it up; `UNKNOWN` stands for what the alphabet does not have."""
        import numpy as np

        flat = np.asarray(numbers).reshape(-1)
        known = np.flatnonzero((flat > 0) & (flat < self.unknown))
        end = int(known[-1]) + 1 if known.size else 0
        characters = f"{UNKNOWN}{self.characters}{UNKNOWN}"
        return "".join(characters[number] if 0 <= number < len(characters) else UNKNOWN for number in flat[:end])
