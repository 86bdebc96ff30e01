"""What is wrong with data, read so leniently that it can be said of data that no reader accepts."""
