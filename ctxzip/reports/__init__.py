"""HTML pages and the view model behind them: `ctxzip inspect` and `ctxzip eval --report`."""
