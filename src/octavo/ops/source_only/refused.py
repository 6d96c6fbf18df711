"""Source operations that nothing in LiteRT can express, and why: a reason is worth more than silence."""

from __future__ import annotations

from typing import Final, NoReturn

from octavo.ir.build import Builder, Source
from octavo.ir.op import NotLoweredError, lowers

_SEARCH: Final = "LiteRT has no operation that searches over sequences; do it after the model"
_FACTORS: Final = "LiteRT has no matrix decompositions, and the steps would depend on the data"
_SERIES: Final = "LiteRT has no such function, and no short series reaches float32"
_LENGTHS: Final = "how much comes out depends on the data, in ways that LiteRT's shapes cannot follow"
_CHANCE: Final = "LiteRT draws uniform and normal numbers only; this needs a loop until a number fits"
_TEXT: Final = "LiteRT looks texts up and hands them on, no more; do this before the model, in what calls it"
_HASH: Final = "LiteRT has no fingerprints; compute the numbers before the model, in what calls it"
_DATAFLOW: Final = "it is of no loop or branch of TensorFlow 1 whose form is known"
_REASONS: Final = {
    "CTCGreedyDecoder": _SEARCH, "CTCBeamSearchDecoder": _SEARCH, "EditDistance": _SEARCH,
    "Qr": _FACTORS, "Svd": _FACTORS, "Lu": _FACTORS, "SelfAdjointEigV2": _FACTORS,
    "Betainc": _SERIES, "Igamma": _SERIES, "Igammac": _SERIES, "Polygamma": _SERIES, "Zeta": _SERIES,
    "NextAfter": _SERIES,
    "SparseFillEmptyRows": _LENGTHS,
    "RandomGamma": _CHANCE, "RandomPoissonV2": _CHANCE, "StatelessRandomGammaV3": _CHANCE,
    "ParameterizedTruncatedNormal": _CHANCE,
    "StringLower": _TEXT, "StringUpper": _TEXT, "StringStrip": _TEXT, "StringJoin": _TEXT, "StringSplit": _TEXT,
    "StringSplitV2": _TEXT, "StringNGrams": _TEXT, "StringLength": _TEXT, "Substr": _TEXT, "StringFormat": _TEXT,
    "StringToNumber": _TEXT, "AsString": _TEXT, "RegexReplace": _TEXT, "StaticRegexReplace": _TEXT,
    "RegexFullMatch": _TEXT, "StaticRegexFullMatch": _TEXT, "ReduceJoin": _TEXT, "UnicodeDecode": _TEXT,
    "UnicodeDecodeWithOffsets": _TEXT, "UnicodeEncode": _TEXT, "UnicodeScript": _TEXT, "UnicodeTranscode": _TEXT,
    "DecodeBase64": _TEXT, "EncodeBase64": _TEXT, "DecodeRaw": _TEXT, "DecodeCSV": _TEXT, "ParseExample": _TEXT,
    "ParseExampleV2": _TEXT, "RaggedTensorToTensor": _TEXT,
    "StringToHashBucket": _HASH, "StringToHashBucketFast": _HASH, "StringToHashBucketStrong": _HASH,
    "Fingerprint": _HASH, "SparseCross": _HASH, "SparseCrossV2": _HASH, "SparseCrossHashed": _HASH,
    "Switch": _DATAFLOW, "RefSwitch": _DATAFLOW, "Merge": _DATAFLOW, "RefMerge": _DATAFLOW, "Enter": _DATAFLOW,
    "RefEnter": _DATAFLOW, "Exit": _DATAFLOW, "RefExit": _DATAFLOW, "NextIteration": _DATAFLOW,
    "RefNextIteration": _DATAFLOW,
    "CombinedNonMaxSuppression": "LiteRT suppresses the boxes of one image and class; split the model before this",
}  # fmt: skip
"""Why each of them is refused."""


@lowers(
    "tf.CTCGreedyDecoder",
    "tf.CTCBeamSearchDecoder",
    "tf.EditDistance",
    "tf.Qr",
    "tf.Svd",
    "tf.Lu",
    "tf.SelfAdjointEigV2",
    "tf.Betainc",
    "tf.Igamma",
    "tf.Igammac",
    "tf.Polygamma",
    "tf.Zeta",
    "tf.NextAfter",
    "tf.SparseFillEmptyRows",
    "tf.RandomGamma",
    "tf.RandomPoissonV2",
    "tf.StatelessRandomGammaV3",
    "tf.ParameterizedTruncatedNormal",
    "tf.CombinedNonMaxSuppression",
    "tf.StringLower",
    "tf.StringUpper",
    "tf.StringStrip",
    "tf.StringJoin",
    "tf.StringSplit",
    "tf.StringSplitV2",
    "tf.StringNGrams",
    "tf.StringLength",
    "tf.Substr",
    "tf.StringFormat",
    "tf.StringToNumber",
    "tf.AsString",
    "tf.RegexReplace",
    "tf.StaticRegexReplace",
    "tf.RegexFullMatch",
    "tf.StaticRegexFullMatch",
    "tf.ReduceJoin",
    "tf.UnicodeDecode",
    "tf.UnicodeDecodeWithOffsets",
    "tf.UnicodeEncode",
    "tf.UnicodeScript",
    "tf.UnicodeTranscode",
    "tf.DecodeBase64",
    "tf.EncodeBase64",
    "tf.DecodeRaw",
    "tf.DecodeCSV",
    "tf.ParseExample",
    "tf.ParseExampleV2",
    "tf.RaggedTensorToTensor",
    "tf.StringToHashBucket",
    "tf.StringToHashBucketFast",
    "tf.StringToHashBucketStrong",
    "tf.Fingerprint",
    "tf.SparseCross",
    "tf.SparseCrossV2",
    "tf.SparseCrossHashed",
    "tf.Switch",
    "tf.RefSwitch",
    "tf.Merge",
    "tf.RefMerge",
    "tf.Enter",
    "tf.RefEnter",
    "tf.Exit",
    "tf.RefExit",
    "tf.NextIteration",
    "tf.RefNextIteration",
)
def refused(source: Source, build: Builder) -> NoReturn:  # noqa: ARG001  # nothing is emitted
    """Nothing.

    Raises:
        NotLoweredError: always, with the reason.
    """
    raise NotLoweredError(str(source.node.attrs.get("reason", _REASONS[source.node.op])))
