"""Facts about the .tflite file format, shared by the reader and the writer."""
