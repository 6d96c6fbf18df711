"""Which operations of TensorFlow are not lowered, and why: a reason is worth more than silence.

Everything that TensorFlow registers has a lowering or stands here; a test holds the list to TensorFlow's registry.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from functools import cache
from typing import Final

_TEXT: Final = "LiteRT looks texts up and hands them on, no more; do this before the model, in what calls it"
_PICTURES: Final = "LiteRT decodes and encodes no files; do this before the model, in what calls it"
_SERIES: Final = "LiteRT has no such function, and no short series reaches float32"
_TRAINING: Final = "it is of training, and nothing that inference computes needs it: export the function that predicts"
_CHANCE: Final = "LiteRT draws uniform and normal numbers only; this needs a loop until a number fits"

ABSENT: Final[Mapping[str, str]] = {
    "LiteRT has no operation that searches over sequences; do it after the model": """
        CTCGreedyDecoder CTCBeamSearchDecoder EditDistance""",
    "LiteRT has no matrix decompositions, and the steps would depend on the data": """
        Qr Svd BatchSvd Lu Eig SelfAdjointEig SelfAdjointEigV2 BatchSelfAdjointEig BatchSelfAdjointEigV2
        MatrixExponential MatrixLogarithm MatrixSquareRoot MatrixSolveLs BatchMatrixSolveLs TridiagonalSolve
        BandedTriangularSolve IsotonicRegression""",
    _SERIES: """
        Betainc Igamma Igammac IgammaGradA Polygamma Zeta NextAfter BesselJ0 BesselJ1 BesselK0 BesselK0e BesselK1
        BesselK1e BesselY0 BesselY1 Dawsn Expint FresnelCos FresnelSin Spence RandomGammaGrad""",
    _CHANCE: """
        RandomGamma RandomPoisson RandomPoissonV2 StatelessRandomGammaV2 StatelessRandomGammaV3 StatelessRandomPoisson
        StatelessRandomBinomial ParameterizedTruncatedNormal StatelessParameterizedTruncatedNormal
        FractionalAvgPool FractionalMaxPool SampleDistortedBoundingBox SampleDistortedBoundingBoxV2
        StatelessSampleDistortedBoundingBox StatelessShuffle RandomIndexShuffle RandomCrop SobolSample
        KmeansPlusPlusInitialization KMC2ChainInitialization StochasticCastToInt NonDeterministicInts
        StatelessMultinomial""",
    "it draws from a generator that changes with every call; draw with tf.random.uniform or tf.random.normal": """
        Stateful* RngReadAndSkip RngSkip""",
    _TEXT: """
        StringLower StringUpper StringStrip StringJoin StringSplit StringSplitV2 StringNGrams StringLength Substr
        StringFormat StringToNumber AsString RegexReplace StaticRegexReplace RegexFullMatch StaticRegexFullMatch
        ReduceJoin UnsortedSegmentJoin Unicode* DecodeBase64 EncodeBase64 DecodeRaw DecodePaddedRaw DecodeCSV
        DecodeJSONExample DecodeProtoV2 EncodeProto Parse* Skipgram NegTrain DecodeCompressed Fact Timestamp
        ShardedFilename ShardedFilespec""",
    "LiteRT has no fingerprints; compute the numbers before the model, in what calls it": """
        StringToHashBucket StringToHashBucketFast StringToHashBucketStrong Fingerprint SdcaFprint
        SparseCross SparseCrossV2 SparseCrossHashed RaggedCross _TensorToHashBucketFast""",
    _PICTURES: """
        DecodeImage DecodeJpeg DecodeAndCropJpeg DecodePng DecodeGif DecodeBmp DecodeWebP DecodeJxl DecodeWav
        ExtractJpegShape EncodeJpeg EncodeJpegVariableQuality EncodePng EncodeWav DrawBoundingBoxes
        DrawBoundingBoxesV2 AudioMicrofrontend""",
    "it reads or writes files, or remembers sessions, which a model in LiteRT cannot": """
        ReadFile WriteFile MatchingFiles Save SaveV2 SaveSlices Restore RestoreV2 RestoreSlice MergeV2Checkpoints
        DistributedSave LoadAndRemapMatrix GenerateVocabRemapping ImmutableConst GetSessionHandle GetSessionHandleV2
        GetSessionTensor DeleteSessionTensor FileSystemSetConfiguration *Reader *ReaderV2 Reader* RecordInput
        DisableCopyOnRead DumpTensor""",
    "it belongs to an input pipeline; convert the function that takes the tensors": """
        *Dataset *DatasetV? Dataset* *DatasetReader *DatasetVariant *Iterator *IteratorV? Iterator* MultiDeviceIterator*
        Optional* *Stats*Aggregator* Experimental* ThreadPoolHandle GetOptions
        CompressElement UncompressElement *MemoryCache *RandomSeedGenerator *SeedGenerator DummyIterationCounter
        MapDefun WindowOp GetElementAtIndex InitializeTableFromDataset""",
    "it waits for other calls of the model, which LiteRT runs one at a time": """
        *Queue *QueueV2 Queue* Barrier* Stage* Unstage MapStage MapUnstage* MapClear MapPeek MapSize
        MapIncompleteSize OrderedMap* Batch BatchFunction Unbatch Stack* MutexV2 MutexLock ConsumeMutexLock
        *Accumulator* WorkerHeartbeat GetDeadline""",
    _TRAINING: """
        Apply* SparseApply* ResourceApply* ResourceSparseApply* *Backprop *BackpropV? *BackpropFilter*
        DepthwiseConv2dNativeBackpropInput Dilation2DBackpropInput *Gradient *Grad *GradV? *GradGrad* *GradEx
        *GradWithArgmax *GradWithShape CropAndResizeGrad* BroadcastGradientArgs *CandidateSampler ComputeAccidentalHits
        CTCLoss CTCLossV2 Sdca* SymbolicGradient DebugGradient* CalibrationStatisticsSaver CustomAggregator
        ConcatOffset BoostedTrees* IsBoostedTrees* *Fdo""",
    "it watches a run from outside, and gives nothing that a model could hand out": """
        *Summary *SummaryV2 Summary* *SummaryWriter *SummaryDbWriter *SummaryFileWriter Write*Summary ImportEvent
        Assert Abort NoOp ControlTrigger PrintV2 DebugNanCount DebugNumericSummary* DebugIdentityV3 SleepOp
        SleepIdentityOp GraphDefVersion DeviceIndex IsTensorFloat32Enabled SyncDevice""",
    "it belongs to a run on several machines, TPUs or GPUs; export the model for one CPU": """
        *TPU* *Tpu* Collective* Nccl* DTensor* *Send *Recv Send Recv *SendV? *RecvV? Infeed* Outfeed* Prelinearize*
        CrossReplicaSum AllToAll RemoteCall Rpc* *RpcFutureResource CopyToMesh Relayout RelayoutLike *SparseCore*
        *MinibatchSplits* *Minibatches* *DedupData* *CooTensor* GlobalIterId UpdateTaskId* XlaSparse* *HostConst
        MakeUnique TopKUnique TopKWithUnique KthOrderStatistic CheckPinned DevicePlacementOp ComputeBatchSize
        AssignVariableXlaConcatND ReadVariableXlaSplitND XlaConcatND XlaSplitND""",
    "it is of no loop or branch of TensorFlow 1 whose form is known": """
        Switch _SwitchN RefSwitch Merge RefMerge Enter RefEnter Exit RefExit NextIteration RefNextIteration""",
    "it runs code of Python, which is not in the model; write it with TensorFlow's operations": """
        PyFunc PyFuncStateless EagerPyFunc""",
    "it holds compiled code of XLA (StableHLO), as models of JAX do; of a Keras model convert the .keras or .h5 file, "
    "which holds its layers, or export it once more with KERAS_BACKEND=tensorflow": "XlaCallModule",
    "it is of XLA's own; export the model without jit_compile and with TensorFlow's operations": """
        Xla[AB]* XlaC[lou]* XlaDequantize XlaDot* XlaDynamicSlice XlaGather XlaHostCompute XlaIf XlaKeyValueSort
        XlaLaunch* XlaPad XlaRecvFromHost XlaReduce* XlaRemove* XlaReplicaId XlaRng* XlaScatter XlaSelect*
        XlaSelfAdjointEig XlaSendToHost XlaSet* XlaSort XlaSpmd* XlaSvd XlaVariadic* XlaWhile _Xla* Risc* Mlir*""",
    "it computes in integers of TensorFlow's own; convert the float model that this was made of": """
        Quantized* _Quantized* Requantiz* QuantizeV2 QuantizeDownAndShrinkRange Dequantize UniformQuantize*
        UniformDequantize UniformRequantize QuantizeAndDequantize _FusedQuantized*""",
    "it is of cuDNN, which runs on GPUs only; build the layer with use_cudnn=False and export the model once more": """
        CudnnRNN*""",
    "it is what TensorFlow makes of other operations while it runs; save the model itself": """
        _Mkl* __Mkl* _Arg _Retval _Device* _ArrayToList _ListToArray _EagerConst _FusedConv3D _Host* _If _While
        _Nccl* _Parallel* _ReadVariablesOp _VarHandlesOp _Scoped* _Recv _Send _UnaryOpsComposition FakeParam
        _Shutdown* _Wait* _Initialize* _Disconnect* _Configure* _SetGlobal*""",
    "it changes or asks for the state of a variable, a table or a store while the model runs": """
        LookupTable* Add*SparseToTensorsMap *SparseFromTensorsMap Initialize* VarIsInitializedOp IsVariableInitialized
        TemporaryVariable DestroyTemporaryVariable DestroyResourceOp CountUpTo ResourceCountUpTo
        StridedSliceAssign Scatter[ADMSU]* ScatterNd[ADMSU]* ResourceScatterMul ResourceScatterDiv
        RefSelect Assign AssignAdd AssignSub IsResourceHandleRefCounting MakeWeakResourceHandle _XlaAotOnlyVarHandleOp
        Anonymous*HashTable*""",
    "a tensor that holds sparse or ragged tensors, or a map, has no twin in LiteRT": """
        SerializeSparse SerializeManySparse DeserializeSparse DeserializeManySparse SerializeTensor
        RaggedTensorToVariant RaggedTensorFromVariant CompositeTensor* TensorMap* EmptyTensorMap CSR* *CSRSparseMatrix
        SparseMatrix[AMNOSTZ]* SparseMatrixMul* _XlaMerge""",
    "how much comes out depends on the data, in ways that LiteRT's shapes cannot follow": """
        *SetOperation SetSize *CountSparseOutput SparseAdd SparseBincount RaggedBincount SparseConcat SparseSplit
        SparseSlice SparseDenseCwise* SparseReduce* SparseReorder SparseSoftmax SparseSparse* SparseTensorDenseAdd
        SparseFillEmptyRows RaggedFillEmptyRows RaggedGather RaggedRange RaggedTensorToSparse RaggedTensorToTensor""",
    "LiteRT suppresses by boxes, not by a table of overlaps; compute the boxes": "NonMaxSuppressionWithOverlaps",
    "it is an old form that no model of the last years holds; save the model with a TensorFlow since 1.0": """
        TensorArray* Inplace*
        BatchFFT* BatchIFFT* PlaceholderV2 Conv3DBackpropInput For""",
    "nobody has needed it in inference yet; please report the model": """
        TensorListPushBackBatch
        BatchMatrixBandPart Conv ExtractGlimpse
        ExtractGlimpseV2 ExtractVolumePatches FFTND IFFTND RFFTND IRFFTND FusedResizeAndPadConv2D
        GenerateBoundingBoxProposals NearestNeighbors PopulationCount Print""",
    "it is of TensorFlow's own tests": """
        A B Attr* Binary ComplexStruct ConstructionFails CopyOp DefaultAttrs DtypeWithDefaultOp Five* Float[IO]* Foo?
        Func*Attr FuncAttr InPolymorphicTwice Int64Output Int[AIO]* Kernel* List[IO]* MixedStruct N*Twice NInTwoType*
        NInts* NIntsIn NIntsOut* NPolymorphic* Namespace* None Old OpWith* Out[T]* Polymorphic* RefIn* RefOut*
        RequiresOlderGraphVersion Reserved* ResourceCreateOp ResourceInitializedOp ResourceUsingOp Restrict Simple
        SimpleStruct StringListAttr StubResourceHandleOp Test* Two* TypeList* Unary AdjustContrast""",
}
"""Names of operations, `*` and `?` for any letters, by the reason why they have no lowering."""


def why(op: str) -> str | None:
    """Why this operation of TensorFlow has no lowering; None of one that TensorFlow does not have."""
    return next((reason for reason, pattern in _patterns().items() if pattern.fullmatch(op)), None)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        reason: re.compile("|".join(fnmatch.translate(name) for name in names.split()))
        for reason, names in ABSENT.items()
    }
