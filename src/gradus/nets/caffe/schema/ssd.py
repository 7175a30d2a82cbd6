"""What SSD added to Caffe (numbers as NVIDIA 0.17 took it over), and the fork layers that public networks use.

The notation is that of `bvlc`. Forks do not agree on numbers; names are what counts for text.
"""

MESSAGES = """
LabelMapItem: name=1 string; label=2 int32; display_name=3 string
LabelMap: item=1 rep LabelMapItem
Sampler: min_scale=1 float [1]; max_scale=2 float [1]; min_aspect_ratio=3 float [1]; max_aspect_ratio=4 float
    [1]
SampleConstraint: min_jaccard_overlap=1 float; max_jaccard_overlap=2 float; min_sample_coverage=3 float;
    max_sample_coverage=4 float; min_object_coverage=5 float; max_object_coverage=6 float
BatchSampler: use_original_image=1 bool [true]; sampler=2 Sampler; sample_constraint=3 SampleConstraint;
    max_sample=4 uint32; max_trials=5 uint32 [100]
EmitConstraint: emit_type=1 EmitConstraint.EmitType [CENTER]; emit_overlap=2 float
NormalizedBBox: xmin=1 float; ymin=2 float; xmax=3 float; ymax=4 float; label=5 int32; difficult=6 bool; score=7
    float; size=8 float
Annotation: instance_id=1 int32 [0]; bbox=2 NormalizedBBox
AnnotationGroup: group_label=1 int32; annotation=2 rep Annotation
AnnotatedDatum: datum=1 Datum; type=2 AnnotatedDatum.AnnotationType; annotation_group=3 rep AnnotationGroup;
    record_id=4 uint32 [0]
SolverParameter: eval_type=241 string [classification]; ap_version=242 string [Integral];
    show_per_class_result=244 bool [false]
LayerParameter: annotated_data_param=200 AnnotatedDataParameter; multibox_loss_param=201 MultiBoxLossParameter;
    permute_param=202 PermuteParameter; prior_box_param=203 PriorBoxParameter; detection_output_param=204
    DetectionOutputParameter; detection_evaluate_param=205 DetectionEvaluateParameter; norm_param=206
    NormalizeParameter; video_data_param=207 VideoDataParameter; relu6_param=100000 ReLU6Parameter;
    shuffle_channel_param=164 ShuffleChannelParameter; roi_pooling_param=8266711 ROIPoolingParameter;
    psroi_pooling_param=10001 PSROIPoolingParameter; smooth_l1_loss_param=8266712 SmoothL1LossParameter;
    interp_param=2143 InterpParameter; upsample_param=2152 UpsampleParameter
TransformationParameter: resize_param=208 ResizeParameter; noise_param=209 NoiseParameter; emit_constraint=210
    EmitConstraint; crop_h=211 uint32 [0]; crop_w=212 uint32 [0]; distort_param=213 DistortionParameter;
    expand_param=214 ExpansionParameter
DetectNetAugmentationParameter: resize_param=208 ResizeParameter; noise_param=209 NoiseParameter;
    emit_constraint=210 EmitConstraint; distort_param=213 DistortionParameter; expand_param=214
    ExpansionParameter
ResizeParameter: prob=1 float [1]; resize_mode=2 ResizeParameter.Resize_mode [WARP]; height=3 uint32 [0];
    width=4 uint32 [0]; pad_mode=5 ResizeParameter.Pad_mode [CONSTANT]; pad_value=6 rep float; interp_mode=7 rep
    ResizeParameter.Interp_mode; height_scale=8 uint32 [0]; width_scale=9 uint32 [0]
SaltPepperParameter: fraction=1 float [0]; value=2 rep float
NoiseParameter: prob=1 float [0]; hist_eq=2 bool [false]; inverse=3 bool [false]; decolorize=4 bool [false];
    gauss_blur=5 bool [false]; jpeg=6 float [-1]; posterize=7 bool [false]; erode=8 bool [false]; saltpepper=9
    bool [false]; saltpepper_param=10 SaltPepperParameter; clahe=11 bool [false]; convert_to_hsv=12 bool
    [false]; convert_to_lab=13 bool [false]
DistortionParameter: brightness_prob=1 float [0]; brightness_delta=2 float [0]; contrast_prob=3 float [0];
    contrast_lower=4 float [0]; contrast_upper=5 float [0]; hue_prob=6 float [0]; hue_delta=7 float [0];
    saturation_prob=8 float [0]; saturation_lower=9 float [0]; saturation_upper=10 float [0];
    random_order_prob=11 float [0]
ExpansionParameter: prob=1 float [1]; max_expand_ratio=2 float [1]
AnnotatedDataParameter: batch_sampler=1 rep BatchSampler; label_map_file=2 string; anno_type=3
    AnnotatedDatum.AnnotationType
DetectionEvaluateParameter: num_classes=1 uint32; background_label_id=2 uint32 [0]; overlap_threshold=3 float
    [0.5]; evaluate_difficult_gt=4 bool [true]; name_size_file=5 string; resize_param=6 ResizeParameter
NonMaximumSuppressionParameter: nms_threshold=1 float [0.3]; top_k=2 int32; eta=3 float [1]
SaveOutputParameter: output_directory=1 string; output_name_prefix=2 string; output_format=3 string;
    label_map_file=4 string; name_size_file=5 string; num_test_image=6 uint32; resize_param=7 ResizeParameter
DetectionOutputParameter: num_classes=1 uint32; share_location=2 bool [true]; background_label_id=3 int32 [0];
    nms_param=4 NonMaximumSuppressionParameter; save_output_param=5 SaveOutputParameter; code_type=6
    PriorBoxParameter.CodeType [CORNER]; keep_top_k=7 int32 [-1]; variance_encoded_in_target=8 bool [false];
    confidence_threshold=9 float; visualize=10 bool [false]; visualize_threshold=11 float; save_file=12 string;
    clip=1000 bool [false]
MultiBoxLossParameter: loc_loss_type=1 MultiBoxLossParameter.LocLossType [SMOOTH_L1]; conf_loss_type=2
    MultiBoxLossParameter.ConfLossType [SOFTMAX]; loc_weight=3 float [1]; num_classes=4 uint32; share_location=5
    bool [true]; match_type=6 MultiBoxLossParameter.MatchType [PER_PREDICTION]; overlap_threshold=7 float [0.5];
    use_prior_for_matching=8 bool [true]; background_label_id=9 uint32 [0]; use_difficult_gt=10 bool [true];
    do_neg_mining=11 bool; neg_pos_ratio=12 float [3]; neg_overlap=13 float [0.5]; code_type=14
    PriorBoxParameter.CodeType [CORNER]; encode_variance_in_target=16 bool [false]; map_object_to_agnostic=17
    bool [false]; ignore_cross_boundary_bbox=18 bool [false]; bp_inside=19 bool [false]; mining_type=20
    MultiBoxLossParameter.MiningType [MAX_NEGATIVE]; nms_param=21 NonMaximumSuppressionParameter; sample_size=22
    int32 [64]; use_prior_for_nms=23 bool [false]; ignore_difficult_gt=24 bool [false]
NormalizeParameter: across_spatial=1 bool [true]; scale_filler=2 FillerParameter; channel_shared=3 bool [true];
    eps=4 float [1e-10]
PermuteParameter: order=1 rep uint32
PriorBoxParameter: min_size=1 rep float; max_size=2 rep float; aspect_ratio=3 rep float; flip=4 bool [true];
    clip=5 bool [false]; variance=6 rep float; img_size=7 uint32; img_h=8 uint32; img_w=9 uint32; step=10 float;
    step_h=11 float; step_w=12 float; offset=13 float [0.5]
VideoDataParameter: video_type=1 VideoDataParameter.VideoType [WEBCAM]; device_id=2 int32 [0]; video_file=3
    string; skip_frames=4 uint32 [0]
ReLU6Parameter: negative_slope=1 float [0]
ROIPoolingParameter: pooled_h=1 uint32 [0]; pooled_w=2 uint32 [0]; spatial_scale=3 float [1]
PSROIPoolingParameter: spatial_scale=1 float; output_dim=2 int32; group_size=3 int32
SmoothL1LossParameter: sigma=1 float [1]
PoolingParameter: ceil_mode=1000 bool [true]
ShuffleChannelParameter: group=1 uint32 [1]
InterpParameter: height=1 int32 [0]; width=2 int32 [0]; zoom_factor=3 int32 [1]; shrink_factor=4 int32 [1];
    pad_beg=5 int32 [0]; pad_end=6 int32 [0]
UpsampleParameter: scale=1 uint32 [2]; scale_h=2 uint32; scale_w=3 uint32; pad_out_h=4 bool [false]; pad_out_w=5
    bool [false]; upsample_h=6 uint32; upsample_w=7 uint32
"""

ENUMS = """
EmitConstraint.EmitType{CENTER=0, MIN_OVERLAP=1}
AnnotatedDatum.AnnotationType{BBOX=0}
ResizeParameter.Resize_mode{WARP=1, FIT_SMALL_SIZE=2, FIT_LARGE_SIZE_AND_PAD=3}
ResizeParameter.Pad_mode{CONSTANT=1, MIRRORED=2, REPEAT_NEAREST=3}
ResizeParameter.Interp_mode{LINEAR=1, AREA=2, NEAREST=3, CUBIC=4, LANCZOS4=5}
MultiBoxLossParameter.LocLossType{L2=0, SMOOTH_L1=1}
MultiBoxLossParameter.ConfLossType{SOFTMAX=0, LOGISTIC=1}
MultiBoxLossParameter.MatchType{BIPARTITE=0, PER_PREDICTION=1}
MultiBoxLossParameter.MiningType{NONE=0, MAX_NEGATIVE=1, HARD_EXAMPLE=2}
PriorBoxParameter.CodeType{CORNER=1, CENTER_SIZE=2, CORNER_SIZE=3}
VideoDataParameter.VideoType{WEBCAM=0, VIDEO=1}
"""
