"""What survey tools say, made into events: who says it, what is in it, whose answer it is. Pure."""
