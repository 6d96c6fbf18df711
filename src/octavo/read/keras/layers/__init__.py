"""What each Keras layer means, in TensorFlow's operations: one function per class, in files by family."""
