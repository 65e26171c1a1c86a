"""What is sent into other environments as source, and runs there: Python 3.8 and its standard library are all it needs."""
