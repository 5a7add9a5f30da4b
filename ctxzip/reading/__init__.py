"""Files, streams and JSON records in; requests (`ctxzip.datamodels.Request`) out."""
