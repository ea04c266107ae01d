"""What is known and what is said: values in, values out. No clock, no AWS, no terminal."""
