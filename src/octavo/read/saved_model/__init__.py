"""SavedModel directories → source model, without TensorFlow."""
