"""ONNX files, which onnxruntime and the tools of many chip makers read."""
