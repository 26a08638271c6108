"""The file feed: historical bars from Parquet and CSV.

Everything is checked before the first bar is played, and every complaint is one DataError that
names file, row (the first row of data is 1), symbol and column. Only `reading`, `columns` and
`loading` import pyarrow, which costs 40 MB; the service runs them in a process that ends
(`reader`).
"""
