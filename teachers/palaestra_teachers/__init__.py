"""Teachers that propose lessons, and the language models behind them."""
