// The names that a resolver of TensorFlow Lite Micro has, so that a program that uses another does not compile.
#pragma once

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

namespace tflite {

template <unsigned int most>
class MicroMutableOpResolver {
 public:
  unsigned int count = 0;

#define TFOPT_METHOD(name) \
  TfLiteStatus Add##name() { return ++count > most ? kTfLiteError : kTfLiteOk; }
  TFOPT_METHOD(Abs) TFOPT_METHOD(Add) TFOPT_METHOD(AddN) TFOPT_METHOD(ArgMax) TFOPT_METHOD(ArgMin)
  TFOPT_METHOD(AssignVariable) TFOPT_METHOD(AveragePool2D) TFOPT_METHOD(BatchMatMul) TFOPT_METHOD(BatchToSpaceNd)
  TFOPT_METHOD(BroadcastArgs) TFOPT_METHOD(BroadcastTo) TFOPT_METHOD(CallOnce) TFOPT_METHOD(Cast) TFOPT_METHOD(Ceil)
  TFOPT_METHOD(Concatenation) TFOPT_METHOD(Conv2D) TFOPT_METHOD(Cos) TFOPT_METHOD(CumSum) TFOPT_METHOD(DepthToSpace)
  TFOPT_METHOD(DepthwiseConv2D) TFOPT_METHOD(Dequantize) TFOPT_METHOD(Div) TFOPT_METHOD(Elu) TFOPT_METHOD(Equal)
  TFOPT_METHOD(Exp) TFOPT_METHOD(ExpandDims) TFOPT_METHOD(Fill) TFOPT_METHOD(Floor) TFOPT_METHOD(FloorDiv)
  TFOPT_METHOD(FloorMod) TFOPT_METHOD(FullyConnected) TFOPT_METHOD(Gather) TFOPT_METHOD(GatherNd) TFOPT_METHOD(Greater)
  TFOPT_METHOD(GreaterEqual) TFOPT_METHOD(HardSwish) TFOPT_METHOD(If) TFOPT_METHOD(L2Normalization)
  TFOPT_METHOD(L2Pool2D) TFOPT_METHOD(LeakyRelu) TFOPT_METHOD(Less) TFOPT_METHOD(LessEqual) TFOPT_METHOD(Log)
  TFOPT_METHOD(LogicalAnd) TFOPT_METHOD(LogicalNot) TFOPT_METHOD(LogicalOr) TFOPT_METHOD(Logistic)
  TFOPT_METHOD(LogSoftmax) TFOPT_METHOD(Maximum) TFOPT_METHOD(MaxPool2D) TFOPT_METHOD(Mean) TFOPT_METHOD(Minimum)
  TFOPT_METHOD(MirrorPad) TFOPT_METHOD(Mul) TFOPT_METHOD(Neg) TFOPT_METHOD(NotEqual) TFOPT_METHOD(Pack)
  TFOPT_METHOD(Pad) TFOPT_METHOD(PadV2) TFOPT_METHOD(Prelu) TFOPT_METHOD(Quantize) TFOPT_METHOD(ReadVariable)
  TFOPT_METHOD(ReduceMax) TFOPT_METHOD(Relu) TFOPT_METHOD(Relu6) TFOPT_METHOD(Reshape) TFOPT_METHOD(ResizeBilinear)
  TFOPT_METHOD(ResizeNearestNeighbor) TFOPT_METHOD(Round) TFOPT_METHOD(Rsqrt) TFOPT_METHOD(SelectV2)
  TFOPT_METHOD(Shape) TFOPT_METHOD(Sin) TFOPT_METHOD(Slice) TFOPT_METHOD(Softmax) TFOPT_METHOD(SpaceToBatchNd)
  TFOPT_METHOD(SpaceToDepth) TFOPT_METHOD(Split) TFOPT_METHOD(SplitV) TFOPT_METHOD(Sqrt) TFOPT_METHOD(Square)
  TFOPT_METHOD(SquaredDifference) TFOPT_METHOD(Squeeze) TFOPT_METHOD(StridedSlice) TFOPT_METHOD(Sub) TFOPT_METHOD(Sum)
  TFOPT_METHOD(Svdf) TFOPT_METHOD(Tanh) TFOPT_METHOD(Transpose) TFOPT_METHOD(TransposeConv)
  TFOPT_METHOD(UnidirectionalSequenceLSTM) TFOPT_METHOD(Unpack) TFOPT_METHOD(VarHandle) TFOPT_METHOD(While)
  TFOPT_METHOD(ZerosLike)
#undef TFOPT_METHOD
};

}  // namespace tflite
