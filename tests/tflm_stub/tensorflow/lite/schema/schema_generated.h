#pragma once

namespace tflite {

struct Model {};
inline const Model* GetModel(const void* bytes) { return static_cast<const Model*>(bytes); }

}  // namespace tflite
