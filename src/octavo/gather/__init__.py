"""Samples from where people have them: folders of images and sounds, tables, TFRecord files, data sets."""
