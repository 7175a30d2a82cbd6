import pytest

from gradus.core.errors import NetworkError


@pytest.mark.parametrize(("kind", "instead"), [("TRT", "run here on any device"), ("VideoData", "ImageData")])
def test_they_say_why_and_what_to_do_instead(alone, kind, instead):
    with pytest.raises(NetworkError, match=rf'"it" \({kind}\) is not supported, because ') as caught:
        alone(f'type: "{kind}"')
    assert instead in caught.value.problem.hint
