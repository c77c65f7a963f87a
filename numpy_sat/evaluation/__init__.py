"""Judge and show trained models: scores with confidence intervals, baselines, comparisons, attention and figures."""
