"""Which plan gives the narrowest interval for its wall time, and what each part of it contributes."""
