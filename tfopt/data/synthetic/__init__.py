"""Data sets that are made up: a series, reviews and translations, each described where it is made."""
