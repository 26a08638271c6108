"""The file feed: historical bars from Parquet and CSV.

Everything is checked before the first bar is played, and every complaint is one DataError that
names file, row (the first row of data is 1), symbol and column. This package alone imports
pyarrow, which costs memory: import it only when the feed is `file`.
"""
