"""Online intrinsic rewards from a language model's feedback, after ONI (arXiv 2410.23022)."""
