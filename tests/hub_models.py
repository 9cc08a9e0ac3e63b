"""Small KerasHub tasks with random weights, made here: nothing is downloaded."""

import io

import keras_hub
import numpy as np

models, layers = keras_hub.models, keras_hub.layers
WORDS = ("the", "a", "was", "room", "staff", "film", "good", "bad", "lovely", "awful", "very", "not", "and", "clean")
SIZE, LENGTH = 32, 12


def word_pieces():
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, "##s", "##ly"]


def byte_pairs(*special):
    """A vocabulary of the letters, without merges but one."""
    letters = sorted({letter for word in WORDS for letter in word} | {"\u0120"})
    tokens = [*special, *letters, "go", "ba"]
    return {token: number for number, token in enumerate(tokens)}, ["g o", "b a"]


def sentence_pieces(size=40, **options):
    import sentencepiece

    texts = [f"{a} {b} {c}" for a in WORDS for b in WORDS for c in WORDS[:4]]
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=made, vocab_size=size, model_type="WORD", minloglevel=2, **options
    )
    return made.getvalue()


def image_classifier(kind, backbone, **options):
    """A classifier of five kinds of images, whose converter scales them to -1..1."""
    classes = {name: getattr(models, f"{kind}{name}") for name in ("ImageClassifier", "ImageClassifierPreprocessor")}
    converter = getattr(layers, f"{kind}ImageConverter")(image_size=(SIZE, SIZE), scale=1 / 127.5, offset=-1.0)
    preprocessor = classes["ImageClassifierPreprocessor"](image_converter=converter)
    return classes["ImageClassifier"](backbone=backbone, preprocessor=preprocessor, num_classes=5, **options)


def text_classifier(kind, backbone, tokenizer, **options):
    preprocessor = getattr(models, f"{kind}TextClassifierPreprocessor")(tokenizer, sequence_length=LENGTH)
    made = getattr(models, f"{kind}TextClassifier")
    return made(backbone=backbone, preprocessor=preprocessor, num_classes=2, **options)


def transformer(**options):
    return {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32, **options}


def resnet():
    backbone = models.ResNetBackbone(
        input_conv_filters=[64], input_conv_kernel_sizes=[3], stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[1, 1], stackwise_num_strides=[1, 2], block_type="basic_block",
    )  # fmt: skip
    return image_classifier("ResNet", backbone)


def vgg():
    return image_classifier("VGG", models.VGGBackbone([1, 1], [8, 16], image_shape=(SIZE, SIZE, 3)), pooling="avg")


def densenet():
    return image_classifier(
        "DenseNet", models.DenseNetBackbone([2, 2], compression_ratio=0.5, growth_rate=8, image_shape=(None, None, 3))
    )


def efficientnet():
    backbone = models.EfficientNetBackbone(
        stackwise_width_coefficients=[0.3] * 2, stackwise_depth_coefficients=[0.5] * 2, stackwise_kernel_sizes=[3, 3],
        stackwise_num_repeats=[1, 1], stackwise_input_filters=[32, 16], stackwise_output_filters=[16, 24],
        stackwise_expansion_ratios=[1, 6], stackwise_squeeze_and_excite_ratios=[0.25, 0.25],
        stackwise_strides=[1, 2], stackwise_block_types=["v1", "v1"], dropout=0.1, input_shape=(SIZE, SIZE, 3),
    )  # fmt: skip
    return image_classifier("EfficientNet", backbone)


def mobilenet():
    backbone = models.MobileNetBackbone(
        stackwise_expansion=[[40, 56], [64, 144]], stackwise_num_blocks=[2, 2],
        stackwise_num_filters=[[16, 16], [24, 24]], stackwise_kernel_size=[[3, 3], [5, 5]],
        stackwise_num_strides=[[2, 1], [2, 1]],
        stackwise_se_ratio=[[None, None], [0.25, 0.25]], stackwise_activation=[["relu"] * 2, ["hard_swish"] * 2],
        stackwise_padding=[[1, 1], [2, 2]], output_num_filters=48, input_activation="hard_swish",
        output_activation="hard_swish", input_num_filters=16, image_shape=(SIZE, SIZE, 3), depthwise_filters=8,
        depthwise_stride=2, depthwise_residual=False, squeeze_and_excite=0.5, last_layer_filter=48,
    )  # fmt: skip
    return image_classifier("MobileNet", backbone)


def vit():
    backbone = models.ViTBackbone(
        image_shape=(SIZE, SIZE, 3), patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32
    )
    return image_classifier("ViT", backbone)


def bert():
    tokenizer = models.BertTokenizer(vocabulary=word_pieces(), lowercase=True)
    backbone = models.BertBackbone(
        vocabulary_size=tokenizer.vocabulary_size(), max_sequence_length=LENGTH, **transformer()
    )
    return text_classifier("Bert", backbone, tokenizer)


def distil_bert():
    tokenizer = models.DistilBertTokenizer(vocabulary=word_pieces(), lowercase=True)
    backbone = models.DistilBertBackbone(
        vocabulary_size=tokenizer.vocabulary_size(), max_sequence_length=LENGTH, **transformer()
    )
    return text_classifier("DistilBert", backbone, tokenizer, hidden_dim=16)


def roberta():
    vocabulary, merges = byte_pairs("<s>", "<pad>", "</s>", "<mask>")
    tokenizer = models.RobertaTokenizer(vocabulary=vocabulary, merges=merges)
    backbone = models.RobertaBackbone(
        vocabulary_size=tokenizer.vocabulary_size(), max_sequence_length=LENGTH, **transformer()
    )
    return text_classifier("Roberta", backbone, tokenizer, hidden_dim=16)


def albert():
    proto = sentence_pieces(
        pad_id=0, unk_id=1, bos_id=2, eos_id=3, pad_piece="<pad>", unk_piece="<unk>", bos_piece="[CLS]",
        eos_piece="[SEP]", user_defined_symbols="[MASK]", size=20,
    )  # fmt: skip
    tokenizer = models.AlbertTokenizer(proto=proto)
    backbone = models.AlbertBackbone(
        vocabulary_size=tokenizer.vocabulary_size(), max_sequence_length=LENGTH, embedding_dim=8, **transformer()
    )
    return text_classifier("Albert", backbone, tokenizer)


def xlm_roberta():
    proto = sentence_pieces(unk_id=0, bos_id=1, eos_id=2, size=16)
    tokenizer = models.XLMRobertaTokenizer(proto=proto)
    backbone = models.XLMRobertaBackbone(
        vocabulary_size=tokenizer.vocabulary_size(), max_sequence_length=LENGTH, **transformer()
    )
    return text_classifier("XLMRoberta", backbone, tokenizer, hidden_dim=16)


def f_net():
    proto = sentence_pieces(
        pad_id=3, unk_id=0, bos_id=4, eos_id=5, pad_piece="<pad>", unk_piece="<unk>", bos_piece="[CLS]",
        eos_piece="[SEP]", user_defined_symbols="[MASK]", size=22,
    )  # fmt: skip
    tokenizer = models.FNetTokenizer(proto=proto)
    backbone = models.FNetBackbone(
        vocabulary_size=tokenizer.vocabulary_size(), num_layers=2, hidden_dim=16, intermediate_dim=32,
        max_sequence_length=LENGTH,
    )  # fmt: skip
    return text_classifier("FNet", backbone, tokenizer)


IMAGES = (resnet, vgg, densenet, efficientnet, mobilenet, vit)
TEXTS = (bert, distil_bert, roberta, albert, xlm_roberta)


def randomized(task, seed=0):
    """The same task with weights that make its answers differ from sample to sample."""
    rng = np.random.default_rng(seed)
    for weight in task.weights:
        if weight.name in ("kernel", "embeddings") and len(weight.shape) > 1:
            fan = np.prod(weight.shape[:-1]) if weight.name == "kernel" else 1
            weight.assign(rng.normal(0, (1.5 / fan) ** 0.5, weight.shape))
    return task


def texts(count, seed=0):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(3, 9))) for _ in range(count)]
