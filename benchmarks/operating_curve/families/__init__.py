"""The measured models: one file for each family, a network of `steps` equal parts with something around them."""
