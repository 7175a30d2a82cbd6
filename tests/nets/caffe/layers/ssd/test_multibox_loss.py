from __future__ import annotations

import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError

PICTURES, PRIORS = 3, 40


def layer(param: str, more: str = "") -> str:
    return f'type: "MultiBoxLoss" {more} multibox_loss_param {{ {param} }}'


def boxes(rng, count: int, reach: float = 0.0) -> np.ndarray:
    low = rng.uniform(-reach, 0.6, (count, 2))
    return np.concatenate([low, low + rng.uniform(0.2, 0.4 + reach, (count, 2))], 1)


def batch(rng, classes: int, places: int = 1) -> list[np.ndarray]:
    """Predictions, priors (some reach over the edge), and true boxes: three, none, and five with a difficult one."""
    offsets = rng.normal(0, 1.5, (PICTURES, PRIORS * places * 4))
    scores = rng.normal(0, 2, (PICTURES, PRIORS * classes))
    variance = np.tile([0.1, 0.1, 0.2, 0.2], PRIORS)
    priors = np.stack([boxes(rng, PRIORS, 0.1).ravel(), variance])[None]
    true = np.full((10, 8), -1.0)
    true[:8, 0] = [0, 0, 0, 2, 2, 2, 2, 2]
    true[:8, 1] = rng.integers(1, classes, 8)
    true[:8, 3:7] = boxes(rng, 8)
    true[:8, 7] = [0, 0, 0, 0, 1, 0, 0, 0]
    true[8] = [0, 0, 0, 0.1, 0.1, 0.9, 0.9, 0]  # the background's label: left out
    return [offsets, scores, priors, true[None, None]]


DEFAULTS = {
    "code": "CENTER_SIZE", "match": "PER_PREDICTION", "overlap": 0.5, "prior_matching": True, "places": 1,
    "logistic": False, "smooth": True, "mining": "MAX_NEGATIVE", "ratio": 3.0, "neg_overlap": 0.5, "sample": 64,
    "difficult": True, "inside": False, "bp_inside": False, "in_target": False, "weight": 1.0, "agnostic": False,
    "norm": "VALID", "thin": 0.0, "thin_k": 0, "thin_prior": False,
}  # fmt: skip


def text(how: dict, classes: int) -> str:
    lower = lambda flag: str(flag).lower()  # noqa: E731
    param = (
        f"num_classes: {classes} share_location: {lower(how['places'] == 1)} code_type: {how['code']} "
        f"match_type: {how['match']} overlap_threshold: {how['overlap']} mining_type: {how['mining']} "
        f"use_prior_for_matching: {lower(how['prior_matching'])} neg_pos_ratio: {how['ratio']} "
        f"neg_overlap: {how['neg_overlap']} sample_size: {how['sample']} use_difficult_gt: {lower(how['difficult'])} "
        f"ignore_cross_boundary_bbox: {lower(how['inside'])} bp_inside: {lower(how['bp_inside'])} "
        f"encode_variance_in_target: {lower(how['in_target'])} loc_weight: {how['weight']} "
        f"map_object_to_agnostic: {lower(how['agnostic'])} use_prior_for_nms: {lower(how['thin_prior'])} "
        f"conf_loss_type: {'LOGISTIC' if how['logistic'] else 'SOFTMAX'} "
        f"loc_loss_type: {'SMOOTH_L1' if how['smooth'] else 'L2'}"
    )
    if how["thin"]:
        param += f" nms_param {{ nms_threshold: {how['thin']} top_k: {how['thin_k']} }}"
    return layer(param, f"loss_param {{ normalization: {how['norm']} }}")


def expected(reference, arrays, classes, how) -> float:
    """The loss picture by picture and prior by prior."""
    offsets, scores, priors, true = arrays
    prior, variance = priors[0, 0].reshape(-1, 4), priors[0, 1].reshape(-1, 4)
    places, ones = how["places"], np.ones(4)
    box_sum = class_sum = found = 0
    for n in range(PICTURES):
        rows = [r for r in true[0, 0] if r[0] == n and r[1] > 0 and (how["difficult"] or not r[7])]
        at, score = offsets[n].reshape(PRIORS, places, 4), scores[n].reshape(PRIORS, classes)
        scale = ones if how["in_target"] else None
        decoded = [
            [
                reference.decode(at[p, c], prior[p], variance[p] if scale is None else ones, how["code"])
                for p in range(PRIORS)
            ]
            for c in range(places)
        ]
        matches, best = [], None
        for c in range(places):
            of = [r for r in rows if places == 1 or r[1] == c] if not how["prior_matching"] else rows
            candidates = prior if how["prior_matching"] else decoded[c]
            m, best = reference.match(
                candidates, [r[3:7] for r in of], bipartite=how["match"] == "BIPARTITE", threshold=how["overlap"],
                inside=how["inside"],
            )  # fmt: skip
            taken = [of[i] if i >= 0 and (places == 1 or of[i][1] == c) else None for i in m]
            matches.append((m, taken))
        label = np.zeros(PRIORS, int)
        for _, taken in matches:
            for p, row in enumerate(taken):
                label[p] = label[p] if row is None else 1 if how["agnostic"] else int(row[1])

        def box_cost(c, p, row, at=at, decoded=decoded):
            target = reference.encode(row[3:7], prior[p], variance[p], how["code"])
            said = at[p, c] / variance[p] if how["in_target"] else at[p, c]
            seen = prior[p] if how["prior_matching"] else decoded[c][p]
            rule = reference.smooth if how["smooth"] else lambda d: d * d / 2
            use = [not how["bp_inside"] or 0 <= s <= 1 for s in seen]
            return sum(rule(s - t) for s, t, u in zip(said, target, use, strict=True) if u)

        cost = [
            reference.class_cost(score[p], label[p], how["logistic"], how["mining"] != "NONE") for p in range(PRIORS)
        ]
        boxes_of = [(c, p, row) for c in range(places) for p, row in enumerate(matches[c][1]) if row is not None]
        counted = range(PRIORS)
        if how["mining"] != "NONE":
            m, taken = matches[0]
            hard = how["mining"] == "HARD_EXAMPLE"
            eligible = [p for p in range(PRIORS) if rows and (hard or (m[p] == -1 and best[p] < how["neg_overlap"]))]
            total = [
                cost[p] + (box_cost(0, p, taken[p]) if hard and taken[p] is not None else 0) for p in range(PRIORS)
            ]
            wanted = how["sample"] if hard else int(sum(t is not None for t in taken) * how["ratio"])
            order = sorted(eligible, key=lambda p: -total[p])
            if how["thin"]:
                seen = prior if how["thin_prior"] else decoded[0]
                area = [max(0, s[2] - s[0]) * max(0, s[3] - s[1]) for s in seen]
                order = [p for p in order[: how["thin_k"]] if area[p] >= 1e-5]
                order = reference.survivors(seen, order, how["thin"], 1.0)
            chosen = set(order[:wanted])
            if hard:
                boxes_of = [b for b in boxes_of if b[1] in chosen]
            counted = {p for _, p, _ in boxes_of} | {p for p in chosen if m[p] == -1}
        box_sum += sum(box_cost(*b) for b in boxes_of)
        class_sum += sum(cost[p] for p in counted)
        found += len(boxes_of)
    norm = {"VALID": found, "FULL": PICTURES * PRIORS, "BATCH_SIZE": PICTURES, "NONE": 1}[how["norm"]]
    return (how["weight"] * box_sum + class_sum) / max(1, norm)


CASES = [
    {},
    {"code": "CORNER", "weight": 2.5, "norm": "BATCH_SIZE"},
    {"code": "CORNER_SIZE", "smooth": False, "norm": "FULL"},
    {"match": "BIPARTITE", "norm": "NONE", "ratio": 5.0},
    {"overlap": 0.35, "neg_overlap": 0.3, "difficult": False},
    {"inside": True, "in_target": True},
    {"prior_matching": False, "bp_inside": True},
    {"bp_inside": True, "code": "CORNER"},
    {"logistic": True},
    {"logistic": True, "mining": "NONE"},
    {"mining": "NONE", "overlap": 0.4},
    {"mining": "NONE", "places": 4},
    {"mining": "NONE", "places": 4, "prior_matching": False, "in_target": True},
    {"mining": "HARD_EXAMPLE", "sample": 12},
    {"mining": "HARD_EXAMPLE", "sample": 9, "logistic": True, "inside": True, "smooth": False},
    {"thin": 0.6, "thin_k": 25, "thin_prior": True},
    {"thin": 0.3, "thin_k": 100, "mining": "HARD_EXAMPLE", "sample": 20},
]


@pytest.mark.parametrize(
    "case", CASES, ids=[" ".join(f"{k}={v}" for k, v in case.items()) or "plain" for case in CASES]
)
@pytest.mark.parametrize("seed", [1, 2])
def test_loss_is_that_of_the_rule(alone, reference, case, seed):
    how, classes = DEFAULTS | case, 4
    arrays = batch(np.random.default_rng(seed), classes, how["places"])
    ours = alone(text(how, classes), *[a.shape for a in arrays])(*arrays)
    np.testing.assert_allclose(ours, expected(reference, arrays, classes, how), rtol=1e-5)


def test_objects_of_all_classes_may_count_as_one(alone, reference, rng):
    how = DEFAULTS | {"agnostic": True}
    arrays = batch(rng, 2)
    arrays[3][0, 0, :8, 1] = [7, 3, 1, 5, 2, 9, 4, 4]
    ours = alone(text(how, 2), *[a.shape for a in arrays])(*arrays)
    np.testing.assert_allclose(ours, expected(reference, arrays, 2, how), rtol=1e-5)


@pytest.mark.parametrize("case", [CASES[0], CASES[6], CASES[8], CASES[12], CASES[13]])
def test_gradient(alone, rng, case):
    how, classes = DEFAULTS | case, 4
    arrays = [torch.as_tensor(a) for a in batch(rng, classes, how["places"])]
    net = alone(text(how, classes), *[tuple(a.shape) for a in arrays])
    tops = [a.requires_grad_() for a in arrays[:2]]
    assert torch.autograd.gradcheck(lambda o, s: net.differentiable(o, s, *arrays[2:]), tops, fast_mode=True)


def test_a_part_without_propagate_down_counts_not(alone, rng):
    arrays = batch(rng, 4)
    shapes = [a.shape for a in arrays]
    flags = lambda a, b: f"propagate_down: {a} propagate_down: {b} " + "propagate_down: false " * 2  # noqa: E731
    both, first, second = (
        alone(layer("num_classes: 4 code_type: CENTER_SIZE", flags(*f)), *shapes)(*arrays)
        for f in (("true", "true"), ("true", "false"), ("false", "true"))
    )
    assert first > 0 and second > 0
    np.testing.assert_allclose(first + second, both, rtol=1e-6)


def test_pictures_without_boxes_cost_nothing_when_mining(alone, rng):
    arrays = batch(rng, 4)
    arrays[3][:] = -1
    assert alone(layer("num_classes: 4"), *[a.shape for a in arrays])(*arrays) == 0


def test_ties_go_to_the_first_prior_and_box(alone):
    # Two equal priors and two equal true boxes of classes 1 and 2: the first prior takes the first box.
    offsets, scores = np.zeros((1, 8)), np.array([[0.0, 9, 0, 0, 0, 9]])
    box = [0.2, 0.2, 0.6, 0.6]
    priors = np.array([[box * 2, [0.1] * 8]])
    true = np.array([[[[0, 1, 0, *box, 0], [0, 2, 1, *box, 0]]]])
    loss = alone(layer("num_classes: 3"), *[a.shape for a in (offsets, scores, priors, true)])(
        offsets, scores, priors, true
    )
    np.testing.assert_allclose(loss, np.log1p(2 * np.exp(-9)), rtol=1e-4)


def test_half_precision_is_summed_in_full(alone, reference, rng):
    arrays = batch(rng, 4)
    halves = [torch.as_tensor(a).bfloat16() for a in arrays[:2]]
    net = alone(text(DEFAULTS, 4), *[a.shape for a in arrays])
    loss = net.differentiable(*halves, *[torch.as_tensor(a) for a in arrays[2:]])
    assert loss.dtype in (torch.float32, torch.float64)
    rounded = [half.double().numpy() for half in halves]
    assert float(loss) == pytest.approx(expected(reference, [*rounded, *arrays[2:]], 4, DEFAULTS), rel=1e-5)


def test_a_head_learns_one_picture(alone):
    rng = np.random.default_rng(5)
    arrays = [torch.as_tensor(a) for a in batch(rng, 4)]
    net = alone(text(DEFAULTS | {"overlap": 0.4}, 4), *[tuple(a.shape) for a in arrays])
    said = [torch.nn.Parameter(a.clone()) for a in arrays[:2]]
    optimiser = torch.optim.Adam(said, lr=0.2)
    for _ in range(150):
        optimiser.zero_grad()
        loss = net.differentiable(*said, *arrays[2:])
        loss.backward()
        optimiser.step()
    assert loss < 0.02


@pytest.mark.parametrize(
    ("param", "reason"),
    [
        ("", "needs num_classes"),
        ("num_classes: 5", "160 class scores"),
        ("num_classes: 4 share_location: false", "share_location: true"),
        ("num_classes: 4 background_label_id: 4", "background_label_id"),
        ("num_classes: 4 do_neg_mining: false", "contradicts"),
        ("num_classes: 4 map_object_to_agnostic: true", "num_classes: 2"),
        ("num_classes: 4 mining_type: HARD_EXAMPLE sample_size: 0", "sample_size"),
    ],
)
def test_what_does_not_fit_is_refused(alone, rng, param, reason):
    with pytest.raises(NetworkError, match=reason):
        alone(layer(param), *[a.shape for a in batch(rng, 4)])


def test_a_class_past_the_last_is_refused(alone, rng):
    arrays = batch(rng, 4)
    arrays[3][0, 0, 1, 1] = 4
    with pytest.raises(NetworkError, match="class 4"):
        alone(layer("num_classes: 4"), *[a.shape for a in arrays])(*arrays)
