"""What NVIDIA Caffe 0.15 to 0.17 has beyond BVLC's: new messages and new fields of old ones, as `bvlc` notes them.

Where the two give one number to two fields, NVIDIA's has 10000 (0.15: 20000) added here and `dialects`
moves it. Where two releases differ in a default, 0.17's stands; where NVIDIA and BVLC do, BVLC's.
"""

MESSAGES = """
BlobProto: raw_data_type=10 Type; raw_diff_type=11 Type; raw_data=12 bytes; raw_diff=13 bytes
Datum: record_id=8 uint32 [0]
C2TensorProto: dims=1 rep int64; data_type=2 C2TensorProto.DataType [FLOAT]; float_data=3 rep float packed;
    int32_data=4 rep int32 packed; byte_data=5 bytes; string_data=6 rep bytes; name=7 string; double_data=9 rep
    double packed; int64_data=10 rep int64 packed
C2TensorProtos: protos=1 rep C2TensorProto
NetParameter: default_forward_type=11 Type [FLOAT]; default_backward_type=12 Type [FLOAT];
    default_forward_math=13 Type [FLOAT]; default_backward_math=14 Type [FLOAT]; global_grad_scale=15 float [1];
    global_grad_scale_adaptive=16 bool [false]; default_conv_algos_override=17 string [-1,-1,-1];
    reduce_buckets=18 int32 [6]; default_cudnn_math_override=19 int32 [-1]; eltwise_mem_sharing=20 bool [true]
SolverParameter: per_parameter_reduce=20041 bool [true]; rampup_interval=10041 int32 [0]; rampup_lr=10042 float
    [0]; min_lr=43 float [0]; solver_data_type=44 Type [FLOAT]; store_blobs_in_old_format=45 bool [false];
    momentum_policy=46 string [fixed]; max_momentum=47 float [0.99]; momentum_power=48 float [1]; larc=49 bool
    [false]; larc_policy=50 string [scale]; larc_eta=51 float [0.001]; weight_decay_policy=52 string [fixed];
    weight_decay_power=53 float [1]; test_and_snapshot_last_epochs=54 int32 [0]; larc_turbo=55 bool [false];
    max_weight_decay=56 float [0]; plateau_winsize=243 rep int32
SolverState: minimum_loss=5 float [1e+38]; iter_last_event=6 int32 [0]
LayerParameter: forward_type=10145 Type [FLOAT]; backward_type=10146 Type [FLOAT]; forward_math=10147 Type
    [FLOAT]; backward_math=10148 Type [FLOAT]; debug=149 bool [false]; cudnn_math_override=150 int32 [-1];
    trt_param=152 TRTParameter; detectnet_groundtruth_param=6801 DetectNetGroundTruthParameter;
    detectnet_augmentation_param=6802 DetectNetAugmentationParameter
TransformationParameter: use_gpu_transform=8 bool [false]; random_seed=9 int64 [-1]; img_rand_resize_lower=10
    uint32 [0]; img_rand_resize_upper=11 uint32 [0]; rand_resize_ratio_lower=12 float [0];
    rand_resize_ratio_upper=13 float [0]; vertical_stretch_lower=14 float [1]; vertical_stretch_upper=15 float
    [1]; horizontal_stretch_lower=16 float [1]; horizontal_stretch_upper=17 float [1];
    interpolation_algo_down=18 TransformationParameter.InterpolationAlgo [INTER_NEAREST];
    interpolation_algo_up=19 TransformationParameter.InterpolationAlgo [INTER_CUBIC]; allow_upscale=20 bool
    [false]; forward_packing=21 Packing [NCHW]; display=22 bool [false]; num_labels=23 int32 [0]
DetectNetGroundTruthParameter: stride=1 uint32 [4]; scale_cvg=2 float [0.5]; gridbox_type=3
    DetectNetGroundTruthParameter.GridboxType [GRIDBOX_MAX]; max_cvg_len=4 uint32 [50]; min_cvg_len=5 uint32
    [50]; coverage_type=7 DetectNetGroundTruthParameter.CoverageType [RECTANGULAR]; image_size_x=8 uint32
    [1248]; image_size_y=9 uint32 [384]; obj_norm=11 bool [false]; crop_bboxes=12 bool [true]; object_class=13
    rep DetectNetGroundTruthParameter.ClassMapping
DetectNetGroundTruthParameter.ClassMapping: src=1 req uint32; dst=2 req uint32
DetectNetAugmentationParameter: crop_prob=1 float [1]; shift_x=2 uint32 [0]; shift_y=3 uint32 [0]; scale_prob=4
    float [0.33]; scale_min=5 float [0.7]; scale_max=6 float [1]; flip_prob=7 float [0.33]; rotation_prob=8
    float [0.33]; max_rotate_degree=9 float [1]; hue_rotation_prob=10 float [0.33]; hue_rotation=11 float [15];
    desaturation_prob=12 float [0.33]; desaturation_max=13 float [0.5]
LossParameter: label_smoothing=4 float [0]
BatchNormParameter: scale_filler=5 FillerParameter; bias_filler=6 FillerParameter; scale_bias=7 bool [false];
    engine=15 BatchNormParameter.Engine [DEFAULT]
ConvolutionParameter: cudnn_convolution_algo_seeker=19 ConvolutionParameter.CuDNNConvolutionAlgorithmSeeker
    [FINDEX]; conv_algos_override=20 string [-1,-1,-1]
DataParameter: threads=11 uint32 [0]; parser_threads=12 uint32 [0]; cache=13 bool [false]; shuffle=14 bool
    [false]; precache=16 bool [false]
DropoutParameter: engine=2 DropoutParameter.Engine [DEFAULT]; random_seed=3 int64 [-1]
ELUParameter: lambda=2 float [1]
ImageDataParameter: short_side=13 uint32 [0]; threads=14 uint32 [4]; cache=15 bool [false]; precache=16 bool
    [false]; dataset_share_per_node=17 float [1]
PoolingParameter: torch_pooling=40 bool [false]
TRTParameter: trt_mode=1 TRTParameter.TRTMode [INT8]; top_k=2 uint32 [1]; deploy=3 req string; model=4 req
    string; deploy_outputs=5 rep string; calibrator=6 string
"""

ENUMS = """
Type{DOUBLE=0, FLOAT=1, FLOAT16=2, INT=3, UINT=4, BOOL=5}
Packing{NCHW=0, NHWC=1}
DatumTypeInfo{DatumTypeInfo_DATUM=0, DatumTypeInfo_ANNOTATED_DATUM=1}
C2TensorProto.DataType{UNDEFINED=0, FLOAT=1, INT32=2, BYTE=3, STRING=4, BOOL=5, UINT8=6, INT8=7, UINT16=8,
    INT16=9, INT64=10, FLOAT16=12, DOUBLE=13}
SolverParameter.SolverType{SAG=6}
TransformationParameter.InterpolationAlgo{INTER_NEAREST=0, INTER_LINEAR=1, INTER_CUBIC=2, INTER_AREA=3}
DetectNetGroundTruthParameter.GridboxType{GRIDBOX_MAX=0, GRIDBOX_MIN=1}
DetectNetGroundTruthParameter.CoverageType{RECTANGULAR=0}
BatchNormParameter.Engine{DEFAULT=0, CAFFE=1, CUDNN=2}
ConvolutionParameter.CuDNNConvolutionAlgorithmSeeker{GET=0, FINDEX=1}
DropoutParameter.Engine{DEFAULT=0, CAFFE=1, CUDNN=2}
TRTParameter.TRTMode{FP32=0, FP16=1, INT8=2}
"""
