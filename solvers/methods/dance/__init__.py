"""The DANCE room: gradient search through a learned evaluator of the accelerator (arXiv 2009.06237), and its variants."""
