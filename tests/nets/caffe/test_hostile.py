"""Hostile network and solver texts (A45): drawn and compiled, or refused in our own words."""

from __future__ import annotations

import random
import re
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradus.core.errors import GradusError, NetworkError
from gradus.core.network import NetworkInput
from gradus.nets.caffe.compile import compile_prototxt
from gradus.nets.caffe.graph.build import Builder
from gradus.nets.caffe.graph.limits import held_values
from gradus.nets.caffe.graph.placing import Built
from gradus.nets.caffe.graph.sketch import sketch
from gradus.nets.caffe.layers.table import LAYERS, layer_class
from gradus.nets.caffe.net import Net
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.solvers import policies
from gradus.nets.caffe.solvers.scaffold import read_solver
from gradus.nets.caffe.solvers.settings import SolverSettings
from gradus.nets.caffe.text.prototxt import parse_network
from gradus.zoo import network_text

GIVEN = NetworkInput(width=40, height=32, channels=3, classes=10)
Pick = Callable[[Sequence[Any]], Any]

SMALL = (1, 2, 3, 4)
ODD = (0, -1, 5, 7, 16, 30, 100, 1000, 65536, 10**6, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1)
FLOATS = (0.0, 0.5, 1.0, 2.0, -1.0, 1e-8, 1e30, 3.4e38, float("nan"), float("inf"), -float("inf"))
WORDS = ("", "a", "b", "constant", "xavier", "gaussian", "bilinear", "/etc", "os", "é", "\0", "0.5", "x" * 300)
SHAPES = ("2 3 8 8", "2 3 8 8", "2 10", "2", "1 1 4 8", "1 2 32", "1 1 4 7", "5 2 4", "5 2", "1", "3 5", "", "0 3")
BOUNDS = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1), "int64": (-(2**63), 2**63 - 1)}
COMMON = ("param", "loss_weight", "include", "exclude", "propagate_down", "transform_param", "loss_param", "phase")


def number(pick: Pick, kind: str) -> int:
    low, high = BOUNDS.get(kind, (0, 2**64 - 1))
    return min(max(pick(SMALL) if pick((0, 0, 1)) == 0 else pick(ODD), low), high)


def value(pick: Pick, field: Any, depth: int) -> Any:
    """One value that protobuf accepts for a field."""
    if field.message_type:
        return fill(pick, message_class(field.message_type.full_name.removeprefix("caffe."))(), depth + 1)
    if field.enum_type:
        return pick([v.number for v in field.enum_type.values])
    kind = {field.TYPE_INT32: "int32", field.TYPE_UINT32: "uint32", field.TYPE_INT64: "int64"}.get(field.type, "uint64")
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return pick(FLOATS)
    if field.cpp_type == field.CPPTYPE_STRING:
        return pick(WORDS) if field.type == field.TYPE_STRING else b"ab"
    return pick((True, False)) if field.cpp_type == field.CPPTYPE_BOOL else number(pick, kind)


def fill(pick: Pick, message: Any, depth: int = 0) -> Any:
    """Random fields of a message, and in them of its parts."""
    fields = message.DESCRIPTOR.fields
    for _ in range(pick((0, 1, 2, 3, 4)) if fields and depth < 4 else 0):
        put(pick, message, pick(fields), depth)
    return message


def put(pick: Pick, message: Any, field: Any, depth: int) -> None:
    for _ in range(pick((1, 2, 3)) if field.is_repeated else 1):
        content = value(pick, field, depth)
        if field.is_repeated:
            getattr(message, field.name).append(content)
        elif field.message_type:
            getattr(message, field.name).CopyFrom(content)
        else:
            setattr(message, field.name, content)


def random_network(pick: Pick) -> str:
    """Inputs of several shapes, and layers of any type, with random fields and wires."""
    net = message_class("NetParameter")(name=pick(WORDS))
    blobs = []
    for i in range(pick((1, 2, 3, 4))):
        layer = net.layer.add(name=f"in{i}", type="Input", top=[f"in{i}"])
        layer.input_param.shape.add().dim.extend(map(int, pick(SHAPES).split()))
        blobs.append(f"in{i}")
    for i in range(pick((1, 2, 3))):
        kind = pick(tuple(LAYERS))
        made = layer_class(kind)
        layer = net.layer.add(name=pick((f"l{i}",) * 9 + WORDS), type=kind)
        for names, (least, most), known in (("bottom", made.bottoms, blobs), ("top", made.tops, None)):
            count = pick((least, least, least + 1 if most is None else most, *SMALL))
            for j in range(count):
                word = pick(blobs) if known or pick(range(8)) == 0 else f"t{i}{j}"
                getattr(layer, names).append(pick(WORDS) if pick(range(40)) == 0 else word)
        fields = layer.DESCRIPTOR.fields_by_name
        for name in dict.fromkeys((made.settings, *(pick(COMMON) for _ in range(pick((0, 0, 1, 2)))))):
            if name and fields[name].message_type and not fields[name].is_repeated:
                inner = getattr(layer, name)
                inner.SetInParent()
                for _ in range(pick((0, 1, 2, 3, 4, 5))):
                    put(pick, inner, pick(inner.DESCRIPTOR.fields), 1)
            elif name:
                put(pick, layer, fields[name], 0)
        blobs += [top for top in layer.top if top not in blobs]
    return str(net)


def one(text: str) -> None:
    """All that reads a network's text, on shapes alone."""
    for read in (
        lambda: parse_network(text),
        lambda: [sketch(text, GIVEN, phase) for phase in ("train", "val", "deploy")],
        lambda: compile_prototxt(text, GIVEN, device="meta").texts,
    ):
        try:
            read()
        except GradusError as problem:
            assert problem.problem.message
            assert len(str(problem)) < 2000


TOKEN = re.compile(r'"[^"]*"|[{}]|[^\s{}"]+|\s+|"')
BYTES = (
    "\0",
    "{",
    "}",
    '"',
    ":",
    "#",
    "\n",
    "-",
    "\ufeff",
    "\ud800",
    "é",
    "\\",
    "<",
    ">",
    "[",
    "1e999",
    "nan",
    "0x",
    "9" * 40,
)


def mutated(chance: random.Random, text: str) -> str:
    """A text with some of its words exchanged, dropped, repeated, or with stray characters."""
    words = TOKEN.findall(text)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        at = chance.randrange(len(words))
        numbers = [i for i, word in enumerate(words) if word[0] in "-0123456789."]
        kind = chance.randrange(10)
        if kind < 4 and numbers:
            words[chance.choice(numbers)] = str(chance.choice((*SMALL, *ODD, *FLOATS)))
        elif kind == 4:
            words[at : at + chance.choice((1, 1, 2, 9, 40))] = []
        elif kind == 5:
            words[at:at] = words[at : at + chance.choice((1, 2, 9, 40))]
        elif kind == 6:
            words[at] = words[chance.randrange(len(words))]
        elif kind == 7:
            words[at] = f'"{chance.choice((*LAYERS, *WORDS))}"' if words[at][0] == '"' else words[at]
        elif kind == 8:
            words[at : at + 1] = [" ", chance.choice(FIELDS), ":" if chance.randrange(2) else "", words[at]]
        else:
            place = chance.randrange(len(words[at]) + 1)
            words[at] = words[at][:place] + chance.choice(BYTES) + words[at][place + chance.randrange(2) :]
        words = [word for word in words if word] or [" "]
    return "".join(words)


def _fields() -> list[str]:
    names, todo = set(), ["NetParameter"]
    seen: set[str] = set()
    while todo:
        kind = todo.pop()
        if kind in seen:
            continue
        seen.add(kind)
        for field in message_class(kind).DESCRIPTOR.fields:
            names.add(field.name)
            if field.message_type:
                todo.append(field.message_type.full_name.removeprefix("caffe."))
    return sorted(names)


FIELDS = _fields()


V0 = """
name: "older"
input: "data" input_dim: 2 input_dim: 3 input_dim: 16 input_dim: 16
layers { layer { name: "pad1" type: "padding" pad: 2 } bottom: "data" top: "pad1" }
layers { layer { name: "conv1" type: "conv" num_output: 6 group: 1 kernelsize: 3 stride: 1 weight_filler { type:
  "gaussian" std: 0.01 } bias_filler { type: "constant" } blobs_lr: 1. blobs_lr: 2. weight_decay: 1. weight_decay:
  0. } bottom: "pad1" top: "conv1" }
layers { layer { name: "relu1" type: "relu" } bottom: "conv1" top: "conv1" }
layers { layer { name: "pool1" type: "pool" pool: MAX kernelsize: 3 stride: 2 } bottom: "conv1" top: "pool1" }
layers { layer { name: "norm1" type: "lrn" local_size: 5 alpha: 0.0001 beta: 0.75 } bottom: "pool1" top: "norm1" }
layers { layer { name: "fc" type: "innerproduct" num_output: 10 } bottom: "norm1" top: "fc" }
layers { layer { name: "drop" type: "dropout" dropout_ratio: 0.5 } bottom: "fc" top: "fc" }
layers { layer { name: "prob" type: "softmax" } bottom: "fc" top: "prob" }
"""
V1 = """
name: "old"
layers { name: "data" type: DATA top: "data" top: "label" data_param { source: "/etc" batch_size: 4 crop_size: 16
  mirror: true } include { phase: TRAIN } }
layers { name: "conv1" type: CONVOLUTION bottom: "data" top: "conv1" blobs_lr: 1 blobs_lr: 2 weight_decay: 1
  weight_decay: 0
  convolution_param { num_output: 8 kernel_size: 3 stride: 2 pad: 1 group: 1 weight_filler { type: "gaussian" std:
  0.01 } } }
layers { name: "relu1" type: RELU bottom: "conv1" top: "conv1" }
layers { name: "pool1" type: POOLING bottom: "conv1" top: "pool1" pooling_param { pool: MAX kernel_size: 3 stride: 2
  } }
layers { name: "norm1" type: LRN bottom: "pool1" top: "norm1" lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 } }
layers { name: "ip" type: INNER_PRODUCT bottom: "norm1" top: "ip" inner_product_param { num_output: 10 } }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "ip" bottom: "label" top: "loss" exclude { stage: "deploy" } }
"""
SSD = """
layer { name: "data" type: "AnnotatedData" top: "data" top: "label" transform_param { mirror: true mean_value: 104
  mean_value: 117 mean_value: 123
  resize_param { prob: 1 resize_mode: WARP height: 64 width: 64 interp_mode: LINEAR interp_mode: AREA }
  emit_constraint { emit_type: CENTER }
  distort_param { brightness_prob: 0.5 brightness_delta: 32 } expand_param { prob: 0.5 max_expand_ratio: 4 } }
  data_param { source: "db" batch_size: 2 backend: LMDB }
  annotated_data_param { batch_sampler { max_sample: 1 max_trials: 1 } batch_sampler { sampler { min_scale: 0.3
  max_scale: 1 min_aspect_ratio: 0.5 max_aspect_ratio: 2 } sample_constraint { min_jaccard_overlap: 0.1 }
  max_sample: 1 max_trials: 50 } label_map_file: "labelmap" } }
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 8 dim: 4 dim: 4 } } }
layer { name: "norm" type: "Normalize" bottom: "x" top: "n" norm_param { across_spatial: false scale_filler { type:
  "constant" value: 20 } channel_shared: false } }
layer { name: "loc" type: "Convolution" bottom: "n" top: "loc" convolution_param { num_output: 16 pad: 1
  kernel_size: 3 dilation: 1 } }
layer { name: "loc_perm" type: "Permute" bottom: "loc" top: "loc_perm" permute_param { order: 0 order: 2 order: 3
  order: 1 } }
layer { name: "loc_flat" type: "Flatten" bottom: "loc_perm" top: "loc_flat" flatten_param { axis: 1 } }
layer { name: "conf" type: "Convolution" bottom: "n" top: "conf" convolution_param { num_output: 12 pad: 1
  kernel_size: 3 } }
layer { name: "conf_perm" type: "Permute" bottom: "conf" top: "conf_perm" permute_param { order: 0 order: 2 order: 3
  order: 1 } }
layer { name: "conf_flat" type: "Flatten" bottom: "conf_perm" top: "conf_flat" flatten_param { axis: 1 } }
layer { name: "prior" type: "PriorBox" bottom: "n" bottom: "data" top: "prior" prior_box_param { min_size: 10
  max_size: 20 aspect_ratio: 2 flip: true clip: false variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 step:
  16 offset: 0.5 } }
layer { name: "priors" type: "Concat" bottom: "prior" top: "priors" concat_param { axis: 2 } }
layer { name: "loss" type: "MultiBoxLoss" bottom: "loc_flat" bottom: "conf_flat" bottom: "priors" bottom: "label"
  top: "loss" include { phase: TRAIN } propagate_down: true propagate_down: true propagate_down: false
  propagate_down: false loss_param { normalization: VALID }
  multibox_loss_param { loc_loss_type: SMOOTH_L1 conf_loss_type: SOFTMAX loc_weight: 1 num_classes: 3
  share_location: true match_type: PER_PREDICTION overlap_threshold: 0.5 use_prior_for_matching: true
  background_label_id: 0 use_difficult_gt: true neg_pos_ratio: 3 neg_overlap: 0.5 code_type: CENTER_SIZE
  mining_type: MAX_NEGATIVE } }
layer { name: "reshape" type: "Reshape" bottom: "conf_flat" top: "r" reshape_param { shape { dim: 0 dim: -1 dim: 3 }
  } include { phase: TEST } }
layer { name: "soft" type: "Softmax" bottom: "r" top: "s" softmax_param { axis: 2 } include { phase: TEST } }
layer { name: "flat" type: "Flatten" bottom: "s" top: "f" include { phase: TEST } }
layer { name: "out" type: "DetectionOutput" bottom: "loc_flat" bottom: "f" bottom: "priors" top: "out" include {
  phase: TEST } detection_output_param { num_classes: 3 share_location: true background_label_id: 0 nms_param {
  nms_threshold: 0.45 top_k: 400 eta: 1 } save_output_param { output_directory: "/etc" output_name_prefix: "p"
  output_format: "VOC" label_map_file: "l" name_size_file: "n" num_test_image: 3 } code_type: CENTER_SIZE
  keep_top_k: 200 confidence_threshold: 0.01 } }
layer { name: "eval" type: "DetectionEvaluate" bottom: "out" bottom: "label" top: "eval" include { phase: TEST }
  detection_evaluate_param { num_classes: 3 background_label_id: 0 overlap_threshold: 0.5 evaluate_difficult_gt:
  false name_size_file: "/nowhere" resize_param { resize_mode: FIT_SMALL_SIZE height: 3 width: 4 height_scale: 5
  width_scale: 6 } } }
"""
DETECTNET = """
layer { name: "d" type: "Input" top: "data" top: "label" input_param { shape { dim: 2 dim: 3 dim: 40 dim: 60 } shape
  { dim: 2 dim: 1 dim: 3 dim: 16 } } }
layer { name: "t" type: "DetectNetTransformation" bottom: "data" bottom: "label" top: "x" top: "y"
  detectnet_groundtruth_param { stride: 16 scale_cvg: 0.4 gridbox_type: GRIDBOX_MIN coverage_type: RECTANGULAR
  min_cvg_len: 20 obj_norm: true image_size_x: 64 image_size_y: 32 crop_bboxes: false object_class { src: 1 dst: 0 }
  }
  detectnet_augmentation_param { crop_prob: 1 shift_x: 32 shift_y: 32 flip_prob: 0.5 rotation_prob: 0
  max_rotate_degree: 5 scale_prob: 0.4 scale_min: 0.8 scale_max: 1.2 hue_rotation_prob: 0.8 hue_rotation: 30
  desaturation_prob: 0.8 desaturation_max: 0.8 }
  transform_param { mean_value: 127 mean_file: "/nowhere" } include { phase: TRAIN } }
layer { name: "s" type: "Slice" bottom: "y" top: "fg" top: "bbox" top: "rest" slice_param { slice_dim: 1
  slice_point: 1 slice_point: 5 } include { phase: TRAIN } }
layer { name: "c" type: "Convolution" bottom: "x" top: "c" include { phase: TRAIN } convolution_param { num_output:
  4 kernel_size: 16 stride: 16 } }
layer { name: "m" type: "Eltwise" bottom: "c" bottom: "bbox" top: "m" eltwise_param { operation: PROD } include {
  phase: TRAIN } }
layer { name: "l" type: "L1Loss" bottom: "m" bottom: "bbox" top: "loss" loss_weight: 2 include { phase: TRAIN } }
"""
RECURRENT = """
layer { name: "in" type: "Input" top: "x" top: "cont" top: "stat" top: "t" input_param { shape { dim: 4 dim: 2 }
  shape { dim: 4 dim: 2 } shape { dim: 2 dim: 3 } shape { dim: 4 dim: 2 } } }
layer { name: "e" type: "Embed" bottom: "x" top: "e" embed_param { input_dim: 20 num_output: 6 weight_filler { type:
  "uniform" min: -0.08 max: 0.08 } bias_term: false } param { lr_mult: 1 name: "w" } }
layer { name: "lstm" type: "LSTM" bottom: "e" bottom: "cont" bottom: "stat" top: "h" recurrent_param { num_output: 7
  weight_filler { type: "uniform" } bias_filler { type: "constant" } debug_info: true expose_hidden: false } }
layer { name: "rnn" type: "RNN" bottom: "h" bottom: "cont" top: "r" recurrent_param { num_output: 5 } }
layer { name: "ip" type: "InnerProduct" bottom: "r" top: "p" inner_product_param { num_output: 20 axis: 2 transpose:
  true } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "p" bottom: "t" top: "l" softmax_param { axis: 2 } loss_param {
  ignore_label: -1 normalization: FULL } }
layer { name: "acc" type: "Accuracy" bottom: "p" bottom: "t" top: "a" accuracy_param { axis: 2 top_k: 2
  ignore_label: 3 } }
"""
SOLVER = """
net: "net.prototxt" base_lr: 0.01 lr_policy: "multistep" gamma: 0.1 power: 0.75 stepvalue: 5000 stepvalue: 7000
max_iter: 10000 momentum: 0.9 weight_decay: 0.0005 regularization_type: "L1" clip_gradients: 35 iter_size: 2
type: "Adam" momentum2: 0.999 delta: 1e-8 rampup_interval: 100 rampup_lr: 0.001 min_lr: 1e-5 test_iter: 10
test_interval: 500 snapshot: 1000 snapshot_prefix: "snap" solver_mode: GPU random_seed: 7 display: 20
"""
TEXTS = (V0, V1, SSD, DETECTNET, RECURRENT)
ROUNDS = 300


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_any_layer_with_any_settings(data: st.DataObject) -> None:
    one(random_network(lambda options: data.draw(st.sampled_from(tuple(options)))))


@pytest.mark.parametrize("seed", range(2))
def test_random_networks_of_a_seeded_generator(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        one(random_network(chance.choice))


@pytest.mark.parametrize("text", [*TEXTS, network_text("lenet")], ids=["V0", "V1", "SSD", "DetectNet", "LSTM", "LeNet"])
def test_texts_with_words_exchanged(text: str) -> None:
    one(text)
    chance = random.Random(45)
    for _ in range(ROUNDS // 6):
        one(mutated(chance, text))


def test_solvers_with_words_exchanged(tmp_path: Path) -> None:
    chance, path, refused = random.Random(46), tmp_path / "solver.prototxt", 0
    for _ in range(ROUNDS):
        path.write_bytes(mutated(chance, SOLVER).encode("utf-8", "surrogatepass"))
        try:
            solver = SolverSettings.from_message(read_solver(path), str(path))
            for iteration in (0, 1, 6000, 10**9):
                assert policies.rate(solver, iteration) == pytest.approx(policies.rate(solver, iteration), nan_ok=True)
                policies.momentum(solver, iteration)
                policies.weight_decay(solver, iteration)
        except GradusError as problem:
            refused += 1
            assert problem.problem.message
    assert ROUNDS / 10 < refused < ROUNDS


INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 dim: 32 dim: 32 } } }\n'


def layer(kind: str, setting: str = "", wires: str = 'bottom: "x" top: "y"', name: str = "l") -> str:
    return INPUT + f'layer {{ name: "{name}" type: "{kind}" {wires} {setting} }}'


MOST = 2**31 - 1
REFUSED = {
    "too long": ("#" * (4 * 2**20 + 1), "more than the 4,194,304 allowed"),
    "nesting": ("layer { " * 10_000, "nest deeper than 64"),
    "many layers": ("layer{}" * 100_000, "names, values and braces"),
    "layers without content": ("layer{}" * 6000, "6,000 layers"),
    "many numbers": (layer("Im2col", f"convolution_param {{ kernel_size: [{'1,' * 300_000}1] }}"), "names, values"),
    "many bottoms": (layer("Concat", wires='bottom: "x" ' * 40_000 + 'top: "y"'), "bottoms and tops"),
    "many axes": (layer("Reshape", f"reshape_param {{ shape {{ {'dim: 1 ' * 33} dim: -1 }} }}"), "34 axes"),
    "many ratios": (layer("PriorBox", "prior_box_param { min_size: 4 " + "aspect_ratio: 2 " * 2000 + "}",
                          'bottom: "x" bottom: "x" top: "y"'), "more than 1,000 aspect ratios"),
    "num_output": (layer("Convolution", f"convolution_param {{ num_output: {MOST} kernel_size: 3 }}"),
                   "more than Caffe's"),
    "no kernel": (layer("Convolution", "convolution_param { num_output: 1 kernel_size: 0 }"), "kernel_size"),
    "no stride": (layer("Pooling", "pooling_param { kernel_size: 2 stride: 0 }"), "stride"),
    "negative pad": (layer("Convolution", "convolution_param { num_output: 1 kernel_size: 1 pad: -1 }"),
                     "line 2: Value out of range: -1"),
    "batch": ('layer { name: "d" type: "DummyData" top: "y" dummy_data_param { shape { dim: -5 } } }', "negative"),
    "batch of nothing": ('layer { name: "d" type: "DummyData" top: "y" '
                         f'dummy_data_param {{ shape {{ dim: 0 dim: {2**62} }} }} }}',
                         "more than Caffe's"),
    "classes": (INPUT + f"""
        layer {{ name: "d" type: "Input" top: "a" top: "b"
          input_param {{ shape {{ dim: 1 dim: 1 dim: 2 dim: 7 }} shape {{ dim: 1 dim: 1 dim: 2 dim: 8 }} }} }}
        layer {{ name: "e" type: "DetectionEvaluate" bottom: "a" bottom: "b" top: "y"
          detection_evaluate_param {{ num_classes: {MOST} overlap_threshold: 0.5 }} }}""", "more than Caffe's"),
    "cycle": (layer("ReLU", wires='bottom: "z" top: "y"') + 'layer { name: "m" type: "ReLU" bottom: "y" top: "z" }',
              "gives only later"),
    "missing bottom": (layer("ReLU", wires='bottom: "z" top: "y"'), "no layer before it gives"),
    "foreign module": (layer("Python", 'python_param { module: "os" layer: "system" }'), '"os" may not be imported'),
    "zero byte": (layer("ReLU") + "\0", "line 2"),
    "half a character": (layer("ReLU", name="\ud800"), "not valid Unicode"),
    "nothing": (" \n", "empty"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_and_why(text: str, said: str) -> None:
    with pytest.raises(NetworkError, match=re.escape(said)):
        sketch(text, GIVEN, "train")


def test_a_word_of_four_million_letters_takes_little_memory() -> None:
    tracemalloc.start()
    try:
        sketch(layer("ReLU", name="x" * 4_000_000), GIVEN, "train")
        assert tracemalloc.get_traced_memory()[1] < 2**27
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("lean", [False, True])
def test_blobs_beyond_the_memory_are_refused_before_they_are_allocated(tmp_path: Path, lean: bool) -> None:
    path = tmp_path / "net.prototxt"
    chain = "".join(f'layer {{ name: "s{i}" type: "Sigmoid" bottom: "{"x" if not i else i - 1}" top: "{i}" }}\n'
                    for i in range(1000))  # fmt: skip
    wide = INPUT.replace("dim: 1 ", "dim: 400000 ")
    path.write_text(wide + chain)
    if lean:  # only two blobs of 4.6 GiB live at one time; the whole of 4.5 TiB does not
        assert held_values(_built(wide + chain), keep=False) == 2 * 400_000 * 3 * 32 * 32
        return
    with pytest.raises(NetworkError, match="values in its blobs") as caught:
        Net(path)
    assert "smaller batch" in caught.value.problem.hint


def _built(text: str) -> Built:
    definitions = parse_network(text)[1]
    feeds = {"i": [(400_000, 3, 32, 32)]}
    return Builder().build("deploy", definitions, feeds, training=False)
