"""Result files for an evaluation server: which, how many, sound ones, and the archive of them."""
