"""Keras files (`.keras`, `.h5`), read without Keras: each layer is put in TensorFlow's operations.

`reader.read_keras` gives a `SourceModel`, so that everything after reading is shared with SavedModels.
"""
