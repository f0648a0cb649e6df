"""Segments: RFM by rule, personas by what people buy and how."""
