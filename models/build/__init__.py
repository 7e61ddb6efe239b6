"""Makes model files: the embedded encoder out of published weights, and the small heads out of rated photographs.

The encoder is built on the user's machine at first use; the heads are fitted once by the authors and shipped.
"""
