"""One verb each, over the ports: take in, assess, rank, publish, withdraw, index, describe."""
