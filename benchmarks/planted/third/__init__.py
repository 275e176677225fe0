"""A further part of the corrections trial, written after the rules were mended on dev and before they were mended again."""
