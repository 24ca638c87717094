"""A small ranker that is not trained yet, as a function: its keyword parameters are the sketch's dimensions."""

import keras


def ranker(width: int = 256, depth: int = 3, rows: int = 10_000, lookups: int = 20) -> keras.Model:
    """Build it: 64 features and the last 20 items of a user give one score."""
    features = keras.Input((64,), name="features")
    user = keras.Input((lookups,), dtype="int64", name="user")
    vectors = keras.layers.Embedding(rows, 16, name="user_embedding")(user)
    mean = keras.layers.GlobalAveragePooling1D(name="user_mean")(vectors)
    last = keras.layers.Concatenate(name="layers_inputs")([features, mean])
    for number in range(1, depth + 1):
        last = keras.layers.Dense(width, "relu", name=f"layers_{number}")(last)
    score = keras.layers.Dense(1, name="score")(last)
    return keras.Model({"features": features, "user": user}, {"score": score}, name="ranker")
