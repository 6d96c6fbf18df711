"""Octavo: post-training quantization for TensorFlow models, without TensorFlow."""
