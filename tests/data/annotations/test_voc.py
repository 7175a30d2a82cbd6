"""Pascal VOC's XML, and what must not be done with XML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.errors import GradusError, InputError
from gradus.data.annotations.boxes import Box
from gradus.data.annotations.voc import parse

FILE = """<?xml version="1.0"?>
<annotation>
  <filename>2007_000027.jpg</filename>
  <size><width>486</width><height>500</height><depth>3</depth></size>
  <object>
    <name>person</name>
    <truncated>1</truncated>
    <difficult>1</difficult>
    <bndbox><xmax>349</xmax><xmin>174.5</xmin><ymin>101</ymin><ymax>351</ymax></bndbox>
    <part>
      <name>head</name>
      <bndbox><xmin>169</xmin><ymin>104</ymin><xmax>209</xmax><ymax>146</ymax></bndbox>
    </part>
  </object>
  <object>
    <name> tv monitor </name>
    <occluded>1</occluded>
    <bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>
  </object>
</annotation>
"""


def test_objects_are_read_and_their_parts_are_passed_over() -> None:
    found = parse(FILE.encode())
    assert found.boxes == [
        Box("person", 174.5, 101, 349, 351, "object 1 (line 5)", truncated=1, difficult=True),
        Box("tv monitor", 1, 2, 3, 4, "object 2 (line 15)", occluded=1),
    ]
    assert (found.picture, found.size, found.remarks) == ("2007_000027.jpg", (486, 500), [])


def test_a_file_without_objects_has_no_boxes() -> None:
    found = parse(b"<annotation><size><width>0</width><height>0</height></size></annotation>")
    assert (found.boxes, found.size) == ([], None)


def test_an_object_without_a_name_or_a_box_is_remarked() -> None:
    data = (
        b"<annotation><object><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object>\n"
        b"<object><name>a</name><bndbox><xmin>1</xmin></bndbox></object>\n<object><name>b</name></object></annotation>"
    )
    assert parse(data).remarks == [
        "object 1 (line 1): the class has no name; it is left out",
        "object 2 (line 2): it has no complete bndbox; it is left out",
        "object 3 (line 3): it has no complete bndbox; it is left out",
    ]


LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<annotation><object><name>&lol2;</name></object></annotation>"""
FOREIGN = b"""<!DOCTYPE annotation [<!ENTITY file SYSTEM "file:///etc/passwd">]>
<annotation><object><name>&file;</name></object></annotation>"""


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (LAUGHS, 2, "has a document type, which could define entities"),
        (FOREIGN, 1, "has a document type, which could define entities"),
        (b"<annotation>\n<object>\n</annotation>", 3, "no XML: mismatched tag"),
        (b"", 1, "no XML: no element found"),
        (b"Car 0 0 0", 1, "no XML: syntax error"),
        (b"<html/>", 1, "no VOC file: it starts with <html>, not with <annotation>"),
        (b"<annotation>" + b"<a>" * 100, 1, "elements nest too deeply"),
        (b'<?xml version="1.0" encoding="zlib"?><annotation/>', 1, "the encoding that the file states is not known"),
        (FILE.encode().replace(b"174.5", b"left"), 5, "xmin is “left”, which is no number"),
        (FILE.encode().replace(b"<xmin>174.5", b"<xmin>1</xmin><xmin>1"), 9, "a second xmin in object 1"),
    ],
)
def test_what_is_no_annotation_is_named_with_its_line(data: bytes, line: int, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(data)
    assert (str(caught.value), caught.value.problem.line) == (message, line)


def test_the_encoding_that_a_file_states_is_used() -> None:
    text = '<?xml version="1.0" encoding="{}"?>' + FILE.split("?>")[1].replace("person", "Mädchen")
    for encoding in ("utf-8", "latin-1", "utf-16"):
        assert parse(text.format(encoding).encode(encoding)).boxes[0].name == "Mädchen"


elements = st.sampled_from(
    ["<annotation>", "</annotation>", "<object>", "</object>", "<bndbox>", "</bndbox>", "<xmin>1</xmin>", "&lt;",
     "<ymin>nan</ymin>", "<xmax>1e999</xmax>", "<ymax></ymax>", "<name>a</name>", "<!--", "-->", "<![CDATA[", "&a;"]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=200), st.lists(elements).map(lambda each: "".join(each).encode())))
def test_only_our_errors(data: bytes) -> None:
    try:
        found = parse(data)
    except GradusError:
        return
    assert all(box.left < box.right and box.top < box.bottom for box in found.boxes)
