"""Object detection: pictures and boxes, as DIGITS' extension of that name, from KITTI, Pascal VOC, COCO or YOLO."""

from __future__ import annotations

from gradus.builtin.detection_options import DetectionOptions
from gradus.core.generic import Presentation
from gradus.plugins import hookimpl
from gradus.plugins.data import DataKind, Decoder, Kind, Scan, Watch


class ObjectDetection(DataKind[DetectionOptions]):
    """Pictures and boxes."""

    id = "image-object-detection"
    title = "Object Detection"
    summary = "Images, and a box around each object, in the files of KITTI, Pascal VOC, COCO or YOLO"
    presentation = Presentation.BOXES
    options = DetectionOptions

    def scan(self, options: DetectionOptions, watch: Watch) -> Scan:
        """Read all annotations, find the classes and divide the pictures."""
        from gradus.builtin.detection_samples import scan

        return scan(options, watch)

    def prepare(self, options: DetectionOptions, scan: Scan) -> Decoder:
        """Decode and pad a picture, and put its boxes into DIGITS' array."""
        from gradus.builtin.detection_samples import prepare

        return prepare(options, scan)


@hookimpl
def gradus_data_kinds() -> list[Kind]:
    """The kinds of this module."""
    return [ObjectDetection()]
