"""Extraction: rows of a database table or a REST API, landed as files so that one path loads them all."""
