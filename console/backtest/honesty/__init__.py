"""Tools that doubt a backtest: does it look ahead, and does it live off assumed costs?"""
