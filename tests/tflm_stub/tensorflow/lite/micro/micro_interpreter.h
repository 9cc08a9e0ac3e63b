// An interpreter that answers 3 at place 3 and 0 elsewhere, whatever it is fed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

struct TfLiteTensor {
  union {
    float* f;
    int8_t* int8;
    uint8_t* uint8;
    int16_t* i16;
    int32_t* i32;
    char* raw;
  } data;
};

namespace tflite {

class MicroInterpreter {
 public:
  template <typename Resolver>
  MicroInterpreter(const Model*, const Resolver& resolver, uint8_t*, size_t size)
      : fits_(resolver.count > 0 && size > 0) {
    input_.data.raw = given_;
    output_.data.raw = made_;
  }
  TfLiteStatus AllocateTensors() { return fits_ ? kTfLiteOk : kTfLiteError; }
  TfLiteStatus Invoke() {
    std::memset(made_, 0, sizeof(made_));
    output_.data.int8[3] = 3;
    return kTfLiteOk;
  }
  TfLiteTensor* input(size_t) { return &input_; }
  TfLiteTensor* output(size_t) { return &output_; }

 private:
  bool fits_;
  alignas(16) char given_[1 << 16];
  alignas(16) char made_[1 << 16];
  TfLiteTensor input_, output_;
};

}  // namespace tflite
