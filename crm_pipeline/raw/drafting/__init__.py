"""A first pipeline.yml: files of one layout, the sources that take them, what is asked about the business."""
