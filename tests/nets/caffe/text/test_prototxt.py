import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gradus.core.errors import NetworkError
from gradus.core.network import NetworkInput
from gradus.nets import compile_network
from gradus.nets.caffe.text.prototxt import SIZE_LIMIT, parse_network, print_text, read_text
from gradus.zoo import network_text

LENET = network_text("lenet")
SMALL = NetworkInput(width=28, height=28, channels=1, classes=10)


def problem(text):
    with pytest.raises(NetworkError) as caught:
        parse_network(text, "mine.prototxt")
    assert caught.value.problem.file == "mine.prototxt"
    return caught.value.problem


@pytest.mark.parametrize(
    ("text", "line", "said", "hint"),
    [
        ('layer {\n  name: "c"\n  kernel_siz: 3\n}', 3, 'no field "kernel_siz"', None),
        ('layer {\n  convolution_param {\n    kernal_size: 3\n  }\n}', 3, 'no field "kernal_size"', "kernel_size"),
        ("layer {\n  pooling_param { pool: MEDIAN }\n}", 2, '"MEDIAN"', "AVE"),
        ("layer {\n  name: conv1\n}", 2, "conv1", None),
        ('layer {\n  name: "conv1\n}', 2, "quote", None),
        ("layer {\n  convolution_param { num_output: -1 }\n}", 2, "-1", None),
        ("layer {\n  convolution_param { num_output: many }\n}", 2, "many", None),
        ('layer {\n  name: "a"\n  name: "b"\n}', 3, "name", None),
        ("\nlayer {\n  name: \"a\"\n", 2, "never closed", "brace"),
        ("layer {\n  name: \"a\"\n\nlayer { }", 1, "never closed", "brace"),
        ("layer {\n}\n}", 3, "}", None),
        ("\n\nlayer { name: \"\ud800\" }", 3, "Unicode", None),
        ("", 1, "empty", None),
        ("  \n", 1, "empty", None),
        ('name: "n"\nlayer { }\nlayers { }', 3, "both", "one of the two"),
        ('layers {\n  type: CONVOLUTION\n}\nlayers {\n layer { type: "gru" } }', 4, "gru", "conv"),
        ("a {" * 10_000, 1, "nest", None),
        ("a <\n" * 10_000, 65, "nest", None),
        ("a: " + "9" * 10_000, 1, "a", None),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(text, line, said, hint):
    found = problem(text)
    assert said in found.message
    assert hint is None or hint in (found.hint or "")
    assert found.line == line
    assert found.hint or "Unicode" in found.message


def test_a_text_beyond_the_limit_is_not_even_looked_at():
    assert "characters" in problem("#" * (SIZE_LIMIT + 1)).message


def test_too_many_layers_are_refused_before_they_are_built():
    assert "5,001 layers" in problem("layer { }\n" * 5001).message


def test_each_layer_knows_its_lines():
    text = '# one\nlayer { name: "a" }\n# layer { name: "no" }\nlayer\n{\n  name: "b {" # }\n  type: "}"\n}\n'
    _, layers = parse_network(text)
    assert [(d.message.name, d.line) for d in layers] == [("a", 2), ("b {", 4)]
    assert layers[1].lines.fields["type"] == 7


def test_a_printed_network_reads_back_the_same():
    net, _ = parse_network(LENET)
    assert parse_network(print_text(net))[0] == net


def test_a_binary_file_is_not_taken_for_text(tmp_path):
    path = tmp_path / "x.prototxt"
    path.write_bytes(b'name: "a"\n\xff\xfe')
    with pytest.raises(NetworkError, match=r"line 2.*0xff") as caught:
        read_text(path)
    assert "caffemodel" in (caught.value.problem.hint or "")
    with pytest.raises(NetworkError, match="cannot be read"):
        read_text(tmp_path / "absent")


def attempt(text):
    """Compiling either works or says what is wrong in our own words."""
    try:
        compile_network(text, SMALL, device="meta")
    except NetworkError as problem:
        assert str(problem)


PIECES = st.sampled_from(
    ["{", "}", ":", '"', "'", "\n", "<", ">", "[", "]", "#", "\\", "-1", "0", "4294967295", "1e999", "nan", "layer",
     "layer {", 'type: "Convolution"', 'type: "Pooling"', 'bottom: "data"', 'top: "data"', 'top: "x"', 'bottom: "x"',
     "convolution_param {", "pooling_param {", "num_output: 2147483647", "kernel_size: 0", "stride: 0",
     "pad: 4000000000", "dim: -1", "include {", "stage:", "phase: TRAIN", "axis: -9", 'name: "n"',
     "[a.b/c.d] {", "\u2028", "\x00"]
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PIECES, max_size=30).map(" ".join))
def test_any_text_is_either_a_network_or_a_plain_sentence(text):
    attempt(text)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
@example("layer { [x] { } }")
@example("layer: 3")
def test_any_characters_too(text):
    attempt(text)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_damaged_lenet_too(data):
    lines = LENET.split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        i = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["drop", "double", "swap", "number"]))
        if change == "drop":
            lines[i] = ""
        elif change == "double":
            lines.insert(i, lines[i])
        elif change == "swap":
            j = data.draw(st.integers(0, len(lines) - 1))
            lines[i], lines[j] = lines[j], lines[i]
        else:
            number = data.draw(st.sampled_from(["0", "-1", "7", "2147483647", "4294967295", "99999999999", "nan"]))
            lines[i] = "".join(number if c.isdigit() else c for c in lines[i])
    attempt("\n".join(lines))
