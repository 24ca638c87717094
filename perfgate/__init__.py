"""perfgate: is the new version of a TensorFlow model slower, and is it slow enough to matter?"""

__version__ = "0.1.0"
