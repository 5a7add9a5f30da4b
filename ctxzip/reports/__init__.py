"""Pages and views for people: `ctxzip inspect` and `ctxzip eval --report`."""
