"""Parts that know nothing of jobs: fields, curves, the theme."""
