"""Where frames come from: folders, video files, cameras and streams, all read one frame at a time."""
