"""What is measured: one file a family of models, each a network of `steps` alike parts and something around them."""
