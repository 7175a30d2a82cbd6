import subprocess
import sys


def test_importing_the_room_does_not_import_torch():
    code = (
        "import sys, gradus.nets, gradus.nets.caffe, gradus.zoo; gradus.zoo.catalogue(); print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
